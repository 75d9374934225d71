/**
 * epoll's memory layout and constants, without code. epoll_ctl(2), include/uapi/linux/eventpoll.h.
 *
 * struct epoll_event is packed on x86-64 only: events u32 and 8 bytes of our own, which come back.
 */

const isPacked = process.arch === 'x64'

export const EVENT_BYTES = isPacked ? 12 : 16
/** The word of our own 8 bytes. */
export const DATA = isPacked ? 1 : 2

/** Events; those that poll(2) has too have the same numbers there. */
export const IN = 1
export const PRI = 2
export const OUT = 4
export const ERR = 8
export const HUP = 16
/** The peer has ended its stream. */
export const RDHUP = 0x2000
/** Each event is reported once, when it occurs. */
export const ET = 1 << 31

export const CTL_ADD = 1
export const CTL_DEL = 2

export const EPOLL_CLOEXEC = 0x80000
