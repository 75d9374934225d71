/**
 * The kernel's error numbers by name, and their names for people: errno(3).
 *
 * A result below 0 is −errno, everywhere in weir. The numbers are those of Linux on x86-64 and
 * arm64, written out because hot code compares with them; a test compares them with Node's own.
 */

export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ENOSYS: 38,
  ETIME: 62,
  EBADFD: 77,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ECANCELED: 125,
} as const

const names = new Map<number, string>(Object.entries(Errno).map(([name, number]) => [number, name]))

/** 'ECONNREFUSED' for −111 (or 111); 'errno 999' for a number without a name here. */
export function errnoName(result: number): string {
  const number = Math.abs(result)
  return names.get(number) ?? `errno ${number}`
}
