/**
 * The operations that a worker asks its kernel for, in the low byte of user_data
 * (kernel/user-data.ts). For a connection's operations the lowest bit is the side of the socket
 * (slots.ts).
 */

/** The slot is a listener's. */
export const ACCEPT = 0
/** The same, to cancel its accept. */
export const CANCEL_ACCEPT = 2
/** No slot: an order has come. */
export const WAKE = 4
/** From here on the slot is a connection's. Always the upstream's. */
export const CONNECT = 6
/** Bytes from the side, repeating or once, in small buffers. */
export const RECEIVE = 8
/** The same in large buffers, one at a time. */
export const RECEIVE_LARGER = 10
/** Bytes to the side. */
export const SEND = 12
/** The side is readable or writable. */
export const READABLE = 14
export const WRITABLE = 16
/** A reset of the side, while weir receives nothing from it. */
export const WATCH = 18
/** Cancels other operations. */
export const CANCEL = 20
/** A socket was closed, and the close failed, which it should not. */
export const CLOSE = 22

export const kindOf = (operation: number): number => operation & ~1
