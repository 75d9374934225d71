/** What a worker asks of its ring: the operation in the low byte of user_data (kernel/user-data.ts). */

/** The slot is a listener's. */
export const ACCEPT = 0
/** No slot: an order has come. */
export const WAKE = 1
/** The slot is a connection's, from here on. */
export const CONNECT = 2
/** From the client, again and again, and on to the upstream. */
export const RECEIVE_CLIENT = 3
export const SEND_UPSTREAM = 4
/** From the upstream, and on to the client. */
export const RECEIVE_UPSTREAM = 5
export const SEND_CLIENT = 6
/** A reset of the client, while nothing is received from it. */
export const WATCH_CLIENT = 7
/** The end of other operations was asked for. */
export const CANCEL = 8
/** The slot is a listener's: the end of its accepting was asked for. */
export const CANCEL_ACCEPT = 9
/** The same in large pieces, one at a time. */
export const RECEIVE_LARGER_CLIENT = 12
export const RECEIVE_LARGER_UPSTREAM = 13
/** A socket was closed, and should not have failed to be. */
export const CLOSE = 14
/** The same of the upstream. */
export const WATCH_UPSTREAM = 15
/** A socket is ready for the direction from the client, or from the upstream, to go on. */
export const READY_CLIENT = 10
export const READY_UPSTREAM = 11
