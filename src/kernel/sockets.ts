/**
 * TCP sockets: making, naming and ending them by direct calls, under every kernel. They are as
 * quick as through a ring, and in order: IORING_OP_SHUTDOWN always runs on a kernel thread, and may
 * hit the next socket with the same number. Operations that wait (accept, connect, receive, send)
 * are in kernel.ts, options in socket-options.ts.
 */

import type { Family } from '../address/address.ts'
import type { Arena } from './arena.ts'
import { Errno } from './errno.ts'
import { keep, letGo } from './held.ts'
import type { ListenOptions, SocketCalls } from './kernel.ts'
import * as libc from './libc.ts'
import {
  AF_INET,
  AF_INET6,
  createSocketName,
  readSocketAddress,
  SOCKET_ADDRESS_BYTES,
  type SocketName,
  writeSocketAddress,
} from './socket-address.ts'
import {
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM_CLOEXEC,
  SocketOptions,
  TCP_NODELAY,
} from './socket-options.ts'

/** netfilter's: the destination before a redirect rule. */
const SO_ORIGINAL_DST = [0, 80] as const
const IP6T_SO_ORIGINAL_DST = [41, 80] as const

export class Sockets extends SocketOptions implements SocketCalls {
  readonly close: (fd: number) => number = closeSocket
  readonly shutdownWrite = shutdownWrite
  readonly setNonBlocking = setNonBlocking
  readonly acceptWaiting = acceptWaiting
  /** Registers descriptors that come and go by other ways than these calls (held.ts). */
  readonly keep = keep
  readonly letGo = letGo
  readonly #own = createSocketName()
  readonly #peer = createSocketName()
  /** A socket address of no family: 16 zeros. */
  readonly #nowhere: number

  /** Takes a little of the arena, for the arguments of calls. */
  constructor(arena: Arena) {
    super(arena)
    this.#nowhere = arena.take(16)
  }

  /**
   * A listening socket, or −errno. Each worker has its own for the same address (SO_REUSEPORT);
   * what it accepts inherits TCP_NODELAY.
   */
  listen(family: Family, words: ArrayLike<number>, port: number, options: ListenOptions): number {
    const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM_CLOEXEC, 0)
    if (fd < 0) return fd
    const bytes = writeSocketAddress(this.arena, this.place, family, words, port)
    const steps = [
      () => this.set(fd, SO_REUSEADDR, 1),
      () => this.set(fd, SO_REUSEPORT, 1),
      () => this.set(fd, TCP_NODELAY, 1),
      () => (family === 6 ? this.set(fd, IPV6_V6ONLY, options.dualStack ? 0 : 1) : 0),
      () => libc.bind(fd, this.placePointer, bytes),
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
    const fd = this.open(family, talksFirst)
    if (fd >= 0) this.set(fd, TCP_NODELAY, 1)
    return fd
  }

  /** The same without TCP_NODELAY. */
  protected open(family: Family, talksFirst: boolean): number {
    const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM_CLOEXEC, 0)
    if (fd < 0) return fd
    this.takeAnyPort(fd)
    if (talksFirst) this.delayAcknowledgement(fd)
    return fd
  }

  /**
   * The local address of `fd`; for an accepted socket, the address that the client connected to.
   */
  localName(fd: number, name: SocketName): number {
    this.arena.i32[this.value / 4] = SOCKET_ADDRESS_BYTES
    return this.#named(libc.getsockname(fd, this.placePointer, this.valuePointer), name)
  }

  peerName(fd: number, name: SocketName): number {
    this.arena.i32[this.value / 4] = SOCKET_ADDRESS_BYTES
    return this.#named(libc.getpeername(fd, this.placePointer, this.valuePointer), name)
  }

  /**
   * The destination of a connection before a redirect rule; else −ENOENT, or −ENOPROTOOPT if
   * netfilter has no connection tracking.
   *
   * @param name  Holds the local name of `fd`, which gives the family; on success the answer.
   */
  originalDestination(fd: number, name: SocketName): number {
    const [level, option] = name.family === 6 ? IP6T_SO_ORIGINAL_DST : SO_ORIGINAL_DST
    this.arena.i32[this.value / 4] = name.family === 6 ? 28 : 16 // netfilter wants it exact
    return this.#named(libc.getsockopt(fd, level, option, this.placePointer, this.valuePointer), name)
  }

  /**
   * Sends without pacing to a peer on this host; what a listener accepts inherits it. BBR paces by
   * timers, which take more CPU than bulk itself and hold it back, though nothing between two
   * sockets of one host is congested (docs/benchmarks.md). A client of another host that DNAT leads
   * to a loopback address (route_localnet) has what its host says.
   */
  unpace(fd: number): void {
    if (this.isPaced(fd)) {
      if (this.#isOfHost(fd)) this.endPacing(fd)
    } else if (this.hostPaces && this.#isLedHere(fd)) this.pace(fd)
  }

  /** Whether it has a loopback address, and its peer is another host. */
  #isLedHere(fd: number): boolean {
    return this.localName(fd, this.#own) >= 0 && isLoopback(this.#own) && !this.#isOfHost(fd)
  }

  /** Whether its peer is on this host; of a listener, whether each will be, or is led to it. */
  #isOfHost(fd: number): boolean {
    const [own, peer] = [this.#own, this.#peer]
    if (this.localName(fd, own) < 0) return false
    if (this.peerName(fd, peer) < 0) return isLoopback(own) // a listener
    if (own.words.every((word, index) => word === peer.words[index])) return true
    // Of another host, or of this one if a redirect of its own connections led here.
    return isLoopback(own) && (isLoopback(peer) || this.#isOwn(peer))
  }

  /** Whether an address is one of this host: only to such a one a socket can be bound. */
  #isOwn({ family, words }: SocketName): boolean {
    const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM_CLOEXEC, 0)
    if (fd < 0) return true
    const bytes = writeSocketAddress(this.arena, this.place, family === 4 ? 4 : 6, words, 0)
    const result = libc.bind(fd, this.placePointer, bytes)
    libc.close(fd)
    return result !== -Errno.EADDRNOTAVAIL
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
    this.set(listener, TCP_NODELAY, 1)
    return this.resetWhenClosed(listener, false) || this.waiting(listener)
  }

  /**
   * Resets a connection at once, even if its descriptor is duplicated: connect(2) to AF_UNSPEC
   * sends RST, drops unsent bytes, and wakes every waiter, which then finds the socket broken. So
   * no ring operation needs a cancel, for which the kernel would search all pending ones. The
   * descriptor must still be closed.
   */
  abort(fd: number): number {
    return libc.connect(fd, this.arena.base + this.#nowhere, 16)
  }

  /** Closes with RST instead of FIN and drops unsent bytes: struct linger {1, 0}, socket(7). */
  resetClose(fd: number): number {
    this.resetWhenClosed(fd, true)
    return libc.close(fd)
  }

  #named(result: number, name: SocketName): number {
    if (result === 0) readSocketAddress(this.arena, this.place, name)
    return result
  }
}

/** 127.0.0.0/8 and ::1. */
const isLoopback = ({ family, words }: SocketName): boolean =>
  family === 4
    ? words[0] >>> 24 === 127
    : words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1

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
