/**
 * Direct, non-blocking calls on sockets, and what the epoll kernel records of them: which
 * descriptors are closed, reset under pending operations, or dialed.
 *
 * A dialed socket delays small segments (Nagle) until its second send: the kernel holds a small
 * segment back only behind another unacknowledged one, so the first never waits, and a connection
 * with one request saves a call.
 */

import type { Family } from '../../address/address.ts'
import type { Arena } from '../arena.ts'
import { Errno } from '../errno.ts'
import { keep, letGo } from '../held.ts'
import type { Keepalive, ListenOptions, SocketCalls } from '../kernel.ts'
import * as libc from '../libc.ts'
import {
  AF_INET,
  AF_INET6,
  readSocketAddress,
  SOCKET_ADDRESS_BYTES,
  type SocketName,
} from '../socket-address.ts'
import { Sockets, setNonBlocking, shutdownWrite } from '../sockets.ts'
import { type Descriptors, Known } from './descriptors.ts'

/** SOCK_NONBLOCK | SOCK_CLOEXEC: socket(2), accept4(2). */
const SOCKET_FLAGS = 0x800 | 0x80000
const SOCK_STREAM = 1

type EpollSocketsOptions = {
  readonly arena: Arena
  readonly descriptors: Descriptors
  /** Completes all pending operations of this socket with this result, before or as it goes. */
  readonly onBroken: (fd: number, result: number) => void
}

export class EpollSockets implements SocketCalls {
  readonly shutdownWrite = shutdownWrite
  readonly keep = keep
  readonly letGo = letGo
  readonly #arena: Arena
  readonly #sockets: Sockets
  readonly #descriptors: Descriptors
  readonly #onBroken: EpollSocketsOptions['onBroken']
  /** The last accepted descriptor, and the peer's address from accept4(2). */
  #accepted = -1
  readonly #peer: number
  readonly #peerPointer: bigint
  readonly #peerBytes: number
  readonly #peerBytesPointer: bigint

  constructor({ arena, descriptors, onBroken }: EpollSocketsOptions) {
    this.#arena = arena
    this.#sockets = new Sockets(arena)
    this.#descriptors = descriptors
    this.#onBroken = onBroken
    this.#peer = arena.take(64)
    this.#peerPointer = arena.pointer(this.#peer)
    this.#peerBytes = arena.take(8) / 4
    this.#peerBytesPointer = arena.pointer(this.#peerBytes * 4)
  }

  listen(family: Family, words: ArrayLike<number>, port: number, options: ListenOptions): number {
    const fd = this.#sockets.listen(family, words, port, options)
    if (fd >= 0) setNonBlocking(fd)
    return fd
  }

  inherit(fd: number): number {
    setNonBlocking(fd)
    return this.#sockets.inherit(fd)
  }

  claim(listener: number): number {
    return this.#sockets.claim(listener)
  }

  resetWhenClosed(fd: number, isSo: boolean): number {
    return this.#sockets.resetWhenClosed(fd, isSo)
  }

  dial(family: Family, talksFirst: boolean): number {
    const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCKET_FLAGS, 0)
    if (fd < 0) return fd
    this.#descriptors.include(fd)
    this.#descriptors.known[fd] |= Known.delays
    this.#sockets.takeAnyPort(fd)
    if (talksFirst) this.#sockets.delayAcknowledgement(fd)
    return fd
  }

  acknowledge(fd: number): void {
    this.#sockets.acknowledge(fd)
  }

  /** The next connection of a listener's queue: its descriptor, −EAGAIN, −errno. */
  accept(listener: number): number {
    this.#arena.i32[this.#peerBytes] = SOCKET_ADDRESS_BYTES
    this.#accepted = libc.accept4(listener, SOCKET_FLAGS, this.#peerPointer, this.#peerBytesPointer)
    return this.#accepted
  }

  acceptWaiting(listener: number): number {
    return this.accept(listener)
  }

  waiting(listener: number): number {
    return this.#sockets.waiting(listener)
  }

  peerName(fd: number, name: SocketName): number {
    if (fd !== this.#accepted) return this.#sockets.peerName(fd, name)
    readSocketAddress(this.#arena, this.#peer, name)
    return 0
  }

  localName(fd: number, name: SocketName): number {
    return this.#sockets.localName(fd, name)
  }

  originalDestination(fd: number, name: SocketName): number {
    return this.#sockets.originalDestination(fd, name)
  }

  setKeepalive(fd: number, keepalive: Keepalive | null): number {
    return this.#sockets.setKeepalive(fd, keepalive)
  }

  setUserTimeout(fd: number, ms: number): number {
    return this.#sockets.setUserTimeout(fd, ms)
  }

  /** From here on small segments are sent at once. */
  setNoDelay(fd: number): void {
    this.#descriptors.known[fd] &= ~Known.delays
    this.#sockets.setNoDelay(fd)
  }

  pendingError(fd: number): number {
    return this.#sockets.pendingError(fd)
  }

  /** They never block. */
  setNonBlocking(): number {
    return 0
  }

  unpace(fd: number): void {
    this.#sockets.unpace(fd)
  }

  abort(fd: number): number {
    const result = this.#sockets.abort(fd)
    if (result >= 0) this.#onBroken(fd, -Errno.ECONNRESET)
    return result
  }

  resetClose(fd: number): number {
    this.#sockets.resetWhenClosed(fd, true)
    return this.close(fd)
  }

  close(fd: number): number {
    this.#onBroken(fd, -Errno.ECANCELED)
    this.#descriptors.forget(fd)
    if (fd === this.#accepted) this.#accepted = -1
    return libc.close(fd)
  }
}
