/**
 * What a worker asks of its kernel: the operation in the low byte of user_data
 * (kernel/user-data.ts). Of a connection's operations the lowest bit is the side whose socket it is
 * about (slots.ts).
 */

/** The slot is a listener's. */
export const ACCEPT = 0
/** The same, for cancelling its accept. */
export const CANCEL_ACCEPT = 2
/** No slot: an order has come. */
export const WAKE = 4
/** The slot is a connection's, from here on. Always the upstream's. */
export const CONNECT = 6
/** Bytes from the side, again and again or once, in small buffers. */
export const RECEIVE = 8
/** The same in large ones, one at a time. */
export const RECEIVE_LARGER = 10
/** Bytes to the side. */
export const SEND = 12
/** The side has something to receive, or room for something. */
export const READABLE = 14
export const WRITABLE = 16
/** A reset of the side, while nothing is received from it. */
export const WATCH = 18
/** Cancels other operations. */
export const CANCEL = 20
/** A socket was closed, and should not have failed to be. */
export const CLOSE = 22

export const kindOf = (operation: number): number => operation & ~1
