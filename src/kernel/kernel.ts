/**
 * The data plane's interface to an operating system: operations on sockets that complete later, and
 * a few synchronous calls. One engine runs on every kernel of this type.
 *
 * kernel.wait(-1)              submits what was asked, and waits for a completion while
 * (kernel.next())        the completion is in word, generation, result and flags … kernel.send(…) …
 * new operations are asked, and never complete inside the call
 *
 * An operation completes once without MORE, and any number of times with it before. Its result is
 * −errno, or 0 and more. Each completion returns `word` and `generation` (user-data.ts) as they
 * were given. A close completes only if it fails.
 *
 * A completion is in fields of the kernel, so none costs an object.
 */

import type { Family } from '../address/address.ts'
import type { SocketName } from './socket-address.ts'

/** The most operations that handling one completion asks for: connected, with early bytes. */
export const ENTRIES_EACH = 4

/** Bits of a completion's flags; they are io_uring's, which needs no translation then. */
/** It has a buffer, whose number is in the upper half: `BufferPool.take`. */
export const BUFFER = 1
/** The operation goes on. */
export const MORE = 2
/** There is more to receive at once, or the end of the stream. */
export const NONEMPTY = 4

/** Events for `ready`, and the results of it and `watch`: poll(2). */
export const POLL_IN = 1
export const POLL_OUT = 4
/** Reported without being asked for: the socket has failed. */
export const POLL_ERR = 8

/** Which buffers a receive takes from. */
export const SMALL = 0
export const LARGE = 1
export type Pool = typeof SMALL | typeof LARGE

export interface Kernel {
  readonly name: 'uring' | 'epoll' | 'simulated'
  /** Where `send` reads from, and receives write to. */
  readonly memory: Memory
  readonly small: BufferPool
  readonly large: BufferPool
  readonly sockets: SocketCalls
  readonly pipes: PipeCalls
  /** Any thread that writes to it wakes the worker. */
  readonly wakeFd: number

  // ── the completion that `next` has found

  readonly word: number
  readonly generation: number
  readonly result: number
  readonly flags: number

  /**
   * Submits operations and waits for a completion: −1 without limit, 0 not at all.
   *
   * @returns 0, also after a timeout. −EAGAIN, −EBUSY, −ENOMEM: the kernel is short of memory, and
   * the operations stay queued. Anything else is a bug.
   */
  wait(waitMs: number): number
  /** Submits operations; as `wait`. */
  submit(): number
  /**
   * Takes the next completion; false if none is left, or there is no room for ENTRIES_EACH
   * operations.
   */
  next(): boolean
  /** How many more operations may be asked before the next `wait` or `submit`. */
  room(): number
  /** Completions that the kernel has dropped: above 0, connections hang. */
  lost(): number

  // ── operations

  /** A completion, with the new descriptor, for each connection. */
  accept(fd: number, word: number, generation: number): void
  /** The address is copied. */
  connect(
    fd: number,
    family: Family,
    words: ArrayLike<number>,
    port: number,
    word: number,
    generation: number,
  ): void
  /**
   * Receives into a buffer of the pool: once, or `repeats` until it is cancelled, the stream ends
   * (0), or no buffer is left (−ENOBUFS).
   */
  receive(fd: number, pool: Pool, repeats: boolean, word: number, generation: number): void
  /**
   * Sends all bytes at this place of `memory`, unless the connection breaks. `more`: other bytes
   * follow at once, or the end does, and the last segment may wait for them.
   */
  send(fd: number, at: number, bytes: number, more: boolean, word: number, generation: number): void
  /** Completes once, with those of `events` that hold, and POLL_ERR. */
  ready(fd: number, events: number, word: number, generation: number): void
  /** Completes when the socket fails (POLL_ERR), or has ended both ways. */
  watch(fd: number, word: number, generation: number): void
  /** Cancels an operation, which ends with its own completion. */
  cancel(targetWord: number, targetGeneration: number, word: number, generation: number): void
  /** The same for all operations on a socket. */
  cancelAll(fd: number, word: number, generation: number): void
  /** Closes it, in order with earlier operations; its number may be reused at once. */
  close(fd: number, word: number, generation: number): void
  /** The next write to `wakeFd`; ask again before checking what woke. */
  wake(word: number): void
  /** Wakes the worker of this process whose kernel has this `wakeFd`. */
  rouse(wakeFd: number): void

  // ── the end

  /** Cancels every operation; another thread closes what is open (held.ts). */
  stop(): void
  /** Submits the last closes, ends every operation and frees all memory. */
  end(): void
}

/** Outside the loop over completions, nothing else ensures that there is room. */
export function makeRoom(kernel: Kernel): void {
  if (kernel.room() < ENTRIES_EACH) kernel.submit()
}

/** Memory that the kernel sees: an address is an offset into it. */
export type Memory = {
  readonly u8: Uint8Array
  /** Takes `bytes` bytes for good. */
  take(bytes: number, align?: number): number
}

/** Equal buffers; a receive takes one once bytes have arrived. */
export type BufferPool = {
  readonly count: number
  /** What a receive brings at most. */
  readonly bytesEach: number
  /** The bytes from a buffer's place that are its own: at least `bytesEach`. */
  readonly roomEach: number
  /** The number of free ones. */
  readonly free: number
  /** The buffer in a completion's flags; −1: none. Give it back once. */
  take(flags: number): number
  /** Takes one for bytes that no receive brings; −1: none is free. */
  borrow(): number
  give(id: number): void
  /** The position of its bytes in the memory. */
  at(id: number): number
}

/**
 * Where bytes are encrypted in their buffer there is room for what TLS adds: to each record, of at
 * most 16 KiB, 22 to 85 bytes (AES-GCM in TLS 1.3, CBC with SHA-384 in 1.2). Only buffers that are
 * used take memory. With large ones of 64 KiB io_uring had 1/1.4 of the throughput in bulk, and
 * epoll took 1.65 times the CPU.
 */
export const SMALL_ONES = { count: 32_768, bytesEach: 2048, roomEach: 2048 + 128 }
export const LARGE_ONES = { count: 128, bytesEach: 262_144, roomEach: 262_144 + 2048 }
export const BUFFER_BYTES = SMALL_ONES.count * SMALL_ONES.roomEach + LARGE_ONES.count * LARGE_ONES.roomEach

export type ListenOptions = {
  /** Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn. */
  readonly backlog: number
  /** Whether an IPv6 listener takes IPv4 clients too, as IPv4-mapped addresses. */
  readonly dualStack: boolean
}

/** Seconds, and how many probes go unanswered; 0: the kernel's default. tcp(7). */
export type Keepalive = { readonly timeS: number; readonly intervalS: number; readonly probes: number }

/** Calls that return at once: a descriptor or 0, or −errno. sockets.ts documents each. */
export type SocketCalls = {
  listen(family: Family, words: ArrayLike<number>, port: number, options: ListenOptions): number
  inherit(fd: number): number
  claim(listener: number): number
  dial(family: Family, talksFirst: boolean): number
  acknowledge(fd: number): void
  localName(fd: number, name: SocketName): number
  peerName(fd: number, name: SocketName): number
  originalDestination(fd: number, name: SocketName): number
  setKeepalive(fd: number, keepalive: Keepalive | null): number
  setUserTimeout(fd: number, ms: number): number
  pendingError(fd: number): number
  setNonBlocking(fd: number): number
  unpace(fd: number): void
  acceptWaiting(listener: number): number
  waiting(listener: number): number
  shutdownWrite(fd: number): number
  abort(fd: number): number
  resetWhenClosed(fd: number, isSo: boolean): number
  resetClose(fd: number): number
  close(fd: number): number
  /** It now belongs to this worker; returned as it is. */
  keep(fd: number): number
  /** It is about to belong to another worker. */
  letGo(fd: number): void
}

export type Pipe = { readonly readFd: number; readonly writeFd: number; readonly bytes: number }

/** Pipes for bulk between non-blocking sockets (pipes.ts). */
export type PipeCalls = {
  /** A pipe of at most `bytes` bytes, or −errno. */
  open(bytes: number): Pipe | number
  /** Bytes moved, 0 at the end of the stream, −EAGAIN if it would block, −errno. */
  splice(from: number, to: number, bytes: number): number
  close(pipe: Pipe): void
}
