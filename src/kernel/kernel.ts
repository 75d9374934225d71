/**
 * The data plane's interface to an operating system: operations on sockets that complete later, and
 * a few synchronous calls. One engine runs on every kernel of this type.
 *
 *   kernel.wait(-1)              hands over what was asked, and waits for a completion
 *   while (kernel.next())        the completion stands in word, generation, result and flags
 *     … kernel.send(…) …         what follows from it is asked, and never completes inside the call
 *
 * An operation completes once without MORE, and any number of times with it before. Its result is
 * −errno, or 0 and more. Each completion returns `word` and `generation` (user-data.ts) as they
 * were given. A close completes only if it fails.
 *
 * The completion stands in fields of the kernel, so that none costs an object.
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

/** What `ready` waits for, and what it and `watch` say: poll(2). */
export const POLL_IN = 1
export const POLL_OUT = 4
/** Said unasked: the socket has failed. */
export const POLL_ERR = 8

/** Which buffers a receive takes from. */
export const SMALL = 0
export const LARGE = 1
export type Pool = typeof SMALL | typeof LARGE

export interface Kernel {
  readonly name: 'uring' | 'epoll' | 'simulated'
  /** What `send` reads from, and receives fill. */
  readonly memory: Memory
  readonly small: BufferPool
  readonly large: BufferPool
  readonly sockets: SocketCalls
  readonly pipes: PipeCalls
  /** Who writes to it, from any thread, wakes the worker. */
  readonly wakeFd: number

  // ── the completion that `next` has found

  readonly word: number
  readonly generation: number
  readonly result: number
  readonly flags: number

  /**
   * Hands over what was asked and waits for a completion: −1 without end, 0 not at all.
   *
   * @returns 0, also when the time is up. −EAGAIN, −EBUSY, −ENOMEM: the kernel is short of memory,
   * and
   *   what was asked stays. Anything else is a bug.
   */
  wait(waitMs: number): number
  /** Hands over what was asked; as `wait`. */
  submit(): number
  /**
   * Takes the next completion; false where none is left, or no room for ENTRIES_EACH operations.
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
   * Bytes in a buffer of the pool: once, or `repeats` until it is called back, the stream ends (0),
   * or no buffer is left (−ENOBUFS).
   */
  receive(fd: number, pool: Pool, repeats: boolean, word: number, generation: number): void
  /**
   * All of the bytes at this place of `memory`, unless the connection breaks. `more`: others follow
   * at once, or the end does, and the last segment may wait for them.
   */
  send(fd: number, at: number, bytes: number, more: boolean, word: number, generation: number): void
  /** Completes once, with those of `events` that are there, and POLL_ERR. */
  ready(fd: number, events: number, word: number, generation: number): void
  /** Completes whenever the socket fails (POLL_ERR), or has ended both ways. */
  watch(fd: number, word: number, generation: number): void
  /** Calls an operation back, which ends with its own completion. */
  cancel(targetWord: number, targetGeneration: number, word: number, generation: number): void
  /** The same for all operations on a socket. */
  cancelAll(fd: number, word: number, generation: number): void
  /** Closes it, in order with what was asked before; its number may be another's at once. */
  close(fd: number, word: number, generation: number): void
  /** The next write to `wakeFd`; to be asked again before looking at what woke. */
  wake(word: number): void
  /** Wakes the worker of this process whose kernel has this `wakeFd`. */
  rouse(wakeFd: number): void

  // ── the end

  /** Cancels every operation; another thread closes what is open (held.ts). */
  stop(): void
  /** Hands over the last closes, ends every operation and gives back all memory. */
  end(): void
}

/** Outside of the loop over completions, nothing else ensures that there is room. */
export function makeRoom(kernel: Kernel): void {
  if (kernel.room() < ENTRIES_EACH) kernel.submit()
}

/** Memory that the kernel sees: an address is an offset into it. */
export type Memory = {
  readonly u8: Uint8Array
  /** Takes `bytes` bytes for good. */
  take(bytes: number, align?: number): number
}

/** Equal buffers, of which a receive takes one once bytes have come. */
export type BufferPool = {
  readonly count: number
  readonly bytesEach: number
  /** How many are not taken. */
  readonly free: number
  /** The buffer in a completion's flags; −1 where it has none. It is to be given back once. */
  take(flags: number): number
  /** Takes one for bytes that no receive brings; −1 where none is to spare. */
  borrow(): number
  give(id: number): void
  /** Where in the memory its bytes begin. */
  at(id: number): number
}

export type ListenOptions = {
  /** Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn. */
  readonly backlog: number
  /** Whether an IPv6 listener takes IPv4 clients too, under IPv4-mapped addresses. */
  readonly dualStack: boolean
}

/** Seconds, and how many probes go unanswered; 0: the kernel's default. tcp(7). */
export type Keepalive = { readonly timeS: number; readonly intervalS: number; readonly probes: number }

/** Calls that answer at once: a descriptor or 0, or −errno. What each does is in sockets.ts. */
export type SocketCalls = {
  listen(family: Family, words: ArrayLike<number>, port: number, options: ListenOptions): number
  dial(family: Family, talksFirst: boolean): number
  acknowledge(fd: number): void
  localName(fd: number, name: SocketName): number
  peerName(fd: number, name: SocketName): number
  originalDestination(fd: number, name: SocketName): number
  setKeepalive(fd: number, keepalive: Keepalive | null): number
  setUserTimeout(fd: number, ms: number): number
  pendingError(fd: number): number
  setNonBlocking(fd: number): number
  acceptWaiting(listener: number): number
  waiting(listener: number): number
  shutdownWrite(fd: number): number
  abort(fd: number): number
  resetClose(fd: number): number
  close(fd: number): number
  /** It has become this worker's: returned as it is. */
  keep(fd: number): number
  /** It is about to become another worker's. */
  letGo(fd: number): void
}

export type Pipe = { readonly readFd: number; readonly writeFd: number; readonly bytes: number }

/** Pipes for bulk between sockets that do not block (pipes.ts). */
export type PipeCalls = {
  /** A pipe of at most `bytes` bytes, or −errno. */
  open(bytes: number): Pipe | number
  /** Bytes moved, 0 at the end of the stream, −EAGAIN where it would wait, −errno. */
  splice(from: number, to: number, bytes: number): number
  close(pipe: Pipe): void
}
