/**
 * TCP sockets: making, naming and ending them by direct calls, under every kernel. They are as
 * quick as through a ring, and in order: IORING_OP_SHUTDOWN always runs on a kernel thread, and may
 * hit the next socket with the same number. Operations that wait (accept, connect, receive, send)
 * are in kernel.ts.
 *
 * The numbers are those of the generic ABI, which x86-64 and arm64 share.
 */

import type { Family } from '../address/address.ts'
import type { Arena } from './arena.ts'
import { keep, letGo } from './held.ts'
import type { Keepalive, ListenOptions, SocketCalls } from './kernel.ts'
import * as libc from './libc.ts'
import {
  AF_INET,
  AF_INET6,
  readSocketAddress,
  SOCKET_ADDRESS_BYTES,
  type SocketName,
  writeSocketAddress,
} from './socket-address.ts'

const SOCK_STREAM_CLOEXEC = 1 | 0x80000

/** setsockopt(2): `[level, name]`; socket(7), tcp(7), ipv6(7). */
const SO_REUSEADDR = [1, 2] as const
const SO_ERROR = [1, 4] as const
/** struct ucred: pid, uid, gid; socket(7). */
const SO_PEERCRED = [1, 17] as const
const UCRED_BYTES = 12
const SO_KEEPALIVE = [1, 9] as const
const SO_LINGER = [1, 13] as const
const SO_REUSEPORT = [1, 15] as const
const SO_ACCEPTCONN = [1, 30] as const
const TCP_NODELAY = [6, 1] as const
const TCP_KEEPIDLE = [6, 4] as const
const TCP_KEEPINTVL = [6, 5] as const
const TCP_KEEPCNT = [6, 6] as const
const TCP_INFO = [6, 11] as const
const TCP_QUICKACK = [6, 12] as const
const TCP_USER_TIMEOUT = [6, 18] as const
const IPV6_V6ONLY = [41, 26] as const
/** netfilter's: the destination before a redirect rule. */
const SO_ORIGINAL_DST = [0, 80] as const
const IP6T_SO_ORIGINAL_DST = [41, 80] as const

/** The position of tcpi_unacked in struct tcp_info, and the bytes to read for it (linux/tcp.h). */
const UNACKED_AT = 24
const INFO_BYTES = 28

/** What the kernel takes at most. */
const KEEPALIVE_S_MAX = 32_767
const KEEPALIVE_PROBES_MAX = 127

type Option = readonly [level: number, name: number]

export class Sockets implements SocketCalls {
  readonly close = closeSocket
  readonly shutdownWrite = shutdownWrite
  readonly setNonBlocking = setNonBlocking
  readonly acceptWaiting = acceptWaiting
  /** Registers descriptors that come and go by other ways than these calls (held.ts). */
  readonly keep = keep
  readonly letGo = letGo
  readonly #arena: Arena
  readonly #address: number
  readonly #addressPointer: bigint
  /** A socket address of no family: 16 zeros. */
  readonly #nowhere: number
  readonly #value: number
  readonly #valuePointer: bigint

  /** Takes a little of the arena, for the arguments of calls. */
  constructor(arena: Arena) {
    this.#arena = arena
    this.#address = arena.take(64)
    this.#addressPointer = arena.pointer(this.#address)
    this.#nowhere = arena.take(16)
    this.#value = arena.take(8)
    this.#valuePointer = arena.pointer(this.#value)
  }

  /**
   * A listening socket, or −errno. Each worker has its own for the same address (SO_REUSEPORT);
   * what it accepts inherits TCP_NODELAY.
   */
  listen(family: Family, words: ArrayLike<number>, port: number, options: ListenOptions): number {
    const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM_CLOEXEC, 0)
    if (fd < 0) return fd
    const bytes = writeSocketAddress(this.#arena, this.#address, family, words, port)
    const steps = [
      () => this.#set(fd, SO_REUSEADDR, 1),
      () => this.#set(fd, SO_REUSEPORT, 1),
      () => this.#set(fd, TCP_NODELAY, 1),
      () => (family === 6 ? this.#set(fd, IPV6_V6ONLY, options.dualStack ? 0 : 1) : 0),
      () => libc.bind(fd, this.#addressPointer, bytes),
      () => libc.listen(fd, options.backlog),
    ]
    for (const step of steps) {
      const result = step()
      if (result < 0) {
        libc.close(fd)
        return result
      }
    }
    return fd
  }

  /**
   * A socket to connect with, or −errno: −EMFILE, −ENFILE, −ENOBUFS, −ENOMEM. With `talksFirst`,
   * the handshake's last ACK waits for bytes to ride on (TCP_QUICKACK off): if there are none after
   * all, call `acknowledge`.
   */
  dial(family: Family, talksFirst: boolean): number {
    const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM_CLOEXEC, 0)
    if (fd < 0) return fd
    this.#set(fd, TCP_NODELAY, 1)
    if (talksFirst) this.delayAcknowledgement(fd)
    return fd
  }

  /** Sends small segments at once, in spite of unacknowledged ones: TCP_NODELAY. */
  setNoDelay(fd: number): number {
    return this.#set(fd, TCP_NODELAY, 1)
  }

  /** The next ACK waits for bytes to ride on, or until `acknowledge` sends it. */
  delayAcknowledgement(fd: number): void {
    this.#set(fd, TCP_QUICKACK, 0)
  }

  /** Sends the delayed ACK: the peer's accept waits for it, too. */
  acknowledge(fd: number): void {
    this.#set(fd, TCP_QUICKACK, 1)
  }

  /**
   * The local address of `fd`; for an accepted socket, the address that the client connected to.
   */
  localName(fd: number, name: SocketName): number {
    this.#arena.i32[this.#value / 4] = SOCKET_ADDRESS_BYTES
    return this.#named(libc.getsockname(fd, this.#addressPointer, this.#valuePointer), name)
  }

  peerName(fd: number, name: SocketName): number {
    this.#arena.i32[this.#value / 4] = SOCKET_ADDRESS_BYTES
    return this.#named(libc.getpeername(fd, this.#addressPointer, this.#valuePointer), name)
  }

  /**
   * The destination of a connection before a redirect rule; else −ENOENT, or −ENOPROTOOPT if
   * netfilter has no connection tracking.
   *
   * @param name  Holds the local name of `fd`, which gives the family; on success the answer.
   */
  originalDestination(fd: number, name: SocketName): number {
    const [level, option] = name.family === 6 ? IP6T_SO_ORIGINAL_DST : SO_ORIGINAL_DST
    this.#arena.i32[this.#value / 4] = name.family === 6 ? 28 : 16 // netfilter wants it exact
    return this.#named(libc.getsockopt(fd, level, option, this.#addressPointer, this.#valuePointer), name)
  }

  /**
   * Probes of a silent peer; null: none. What a listener accepts inherits them. More than the
   * kernel takes is as much as it takes (MAX_TCP_KEEPIDLE and others in linux/tcp.h).
   */
  setKeepalive(fd: number, keepalive: Keepalive | null): number {
    if (keepalive === null) return this.#set(fd, SO_KEEPALIVE, 0)
    const { timeS, intervalS, probes } = keepalive
    const results = [
      this.#set(fd, SO_KEEPALIVE, 1),
      this.#set(fd, TCP_KEEPIDLE, Math.min(timeS || 7200, KEEPALIVE_S_MAX)),
      this.#set(fd, TCP_KEEPINTVL, Math.min(intervalS || 75, KEEPALIVE_S_MAX)),
      this.#set(fd, TCP_KEEPCNT, Math.min(probes || 9, KEEPALIVE_PROBES_MAX)),
    ]
    return Math.min(...results)
  }

  /**
   * How long bytes may go unacknowledged, or unsent since the peer's window is shut; 0: until the
   * kernel gives up. What a listener accepts inherits it.
   */
  setUserTimeout(fd: number, ms: number): number {
    return this.#set(fd, TCP_USER_TIMEOUT, ms)
  }

  /** The pending error of `fd` as −errno, or 0; reading it clears it. */
  pendingError(fd: number): number {
    const { i32 } = this.#arena
    i32[this.#value / 4] = 4
    const result = libc.getsockopt(fd, SO_ERROR[0], SO_ERROR[1], this.#addressPointer, this.#valuePointer)
    return result < 0 ? result : 0 - i32[this.#address / 4] // not −0
  }

  /** The user at the other end of a UNIX socket, or −errno: unix(7). */
  peerUid(fd: number): number {
    return this.#peer(fd, 1)
  }

  /** The process at the other end of a UNIX socket, or −errno. */
  peerPid(fd: number): number {
    return this.#peer(fd, 0)
  }

  #peer(fd: number, word: number): number {
    const { i32, u32 } = this.#arena
    i32[this.#value / 4] = UCRED_BYTES
    const result = libc.getsockopt(fd, ...SO_PEERCRED, this.#addressPointer, this.#valuePointer)
    return result < 0 ? result : u32[this.#address / 4 + word]
  }

  /** Whether `fd` is a socket that listens. */
  isListening(fd: number): boolean {
    const { i32 } = this.#arena
    i32[this.#value / 4] = 4
    const result = libc.getsockopt(fd, ...SO_ACCEPTCONN, this.#addressPointer, this.#valuePointer)
    return result === 0 && i32[this.#address / 4] === 1
  }

  /** A listening socket that another process has opened, and accepts from for now. */
  inherit(fd: number): number {
    return keep(fd)
  }

  /**
   * From here on an inherited listener's connections get the options of this worker's own ones.
   * @returns How many wait with those of before, which they have had since their handshake.
   */
  claim(listener: number): number {
    this.#set(listener, TCP_NODELAY, 1)
    return this.resetWhenClosed(listener, false) || this.waiting(listener)
  }

  /**
   * The number of connections waiting in a listener's queue, or −errno: tcpi_unacked, which is
   * sk_ack_backlog there (tcp_get_info in net/ipv4/tcp.c).
   */
  waiting(listener: number): number {
    const { i32 } = this.#arena
    i32[this.#value / 4] = INFO_BYTES
    const result = libc.getsockopt(listener, ...TCP_INFO, this.#addressPointer, this.#valuePointer)
    return result < 0 ? result : i32[(this.#address + UNACKED_AT) / 4]
  }

  /**
   * Resets a connection at once, even if its descriptor is duplicated: connect(2) to AF_UNSPEC
   * sends RST, drops unsent bytes, and wakes every waiter, which then finds the socket broken. So
   * no ring operation needs a cancel, for which the kernel would search all pending ones. The
   * descriptor must still be closed.
   */
  abort(fd: number): number {
    return libc.connect(fd, this.#arena.base + this.#nowhere, 16)
  }

  /** Closes with RST instead of FIN and drops unsent bytes: struct linger {1, 0}, socket(7). */
  resetClose(fd: number): number {
    this.resetWhenClosed(fd, true)
    return libc.close(fd)
  }

  /**
   * Whether closing it sends a reset, even if the kernel closes it after the process was killed.
   */
  resetWhenClosed(fd: number, isSo: boolean): number {
    const { i32 } = this.#arena
    i32[this.#value / 4] = isSo ? 1 : 0
    i32[this.#value / 4 + 1] = 0
    return libc.setsockopt(fd, SO_LINGER[0], SO_LINGER[1], this.#valuePointer, 8)
  }

  #set(fd: number, [level, name]: Option, value: number): number {
    this.#arena.i32[this.#value / 4] = value
    return libc.setsockopt(fd, level, name, this.#valuePointer, 4)
  }

  #named(result: number, name: SocketName): number {
    if (result === 0) readSocketAddress(this.#arena, this.#address, name)
    return result
  }
}

/**
 * Sends the end of our stream to the peer (FIN), in order after earlier bytes: shutdown(2),
 * SHUT_WR.
 */
export const shutdownWrite = (fd: number): number => libc.shutdown(fd, 1)

export const closeSocket = libc.close

/**
 * Accepts one connection of a listener's remaining queue, before it is closed; −EAGAIN if it is
 * empty. The listener must be non-blocking, and no accept of it may be in the kernel.
 */
export const acceptWaiting = (listener: number): number => libc.accept4(listener, 0x80000) // SOCK_CLOEXEC

/**
 * Makes direct calls on `fd` return −EAGAIN instead of blocking; operations of a ring may do so,
 * too (uring/prepare.ts).
 */
export const setNonBlocking = (fd: number): number => libc.fcntl(fd, 4, 0x800) // F_SETFL, O_NONBLOCK
