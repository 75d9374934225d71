/**
 * The state of each descriptor in an epoll kernel, in typed arrays by number: its pending
 * operations, and facts about its socket. At most one operation of each kind may be pending.
 */

import { operationOf, slotOf } from '../user-data.ts'

/** Kinds of pending operations. */
export const ACCEPT = 0
export const CONNECT = 1
export const RECEIVE = 2
export const SEND = 3
export const READABLE = 4
export const WRITABLE = 5
export const WATCH = 6
export type Kind = 0 | 1 | 2 | 3 | 4 | 5 | 6
/** Room for them, by descriptor. */
const KINDS = 8

/** Facts about a socket; bits. */
export const Known = {
  /** It is registered with the epoll. */
  registered: 1,
  /** It may be readable: bytes, the end, an error. */
  readable: 2,
  /** It had urgent data, at which a receive stops short. */
  urgent: 4,
  /** The stream has ended. */
  ended: 8,
  /** It is due in the next turn. */
  queued: 16,
  /** The pending receive repeats, or uses large buffers. */
  repeats: 32,
  large: 64,
  /** The pending send is followed by more. */
  more: 128,
  /** weir dialed it, and it is not TCP_NODELAY. */
  delays: 256,
  /** Something was sent that waits for nothing. */
  sent: 512,
  /** A wait for readiness completed when it was asked for. */
  foundReadable: 1024,
  foundWritable: 2048,
} as const

export class Descriptors {
  /** Bits of `Known`, and ERR, HUP and RDHUP (epoll.ts) as far as they were seen. */
  known = new Uint16Array(0)
  seen = new Uint16Array(0)
  /** Bits: 1 << kind for each pending operation. */
  waiting = new Uint8Array(0)
  /** How often the number was closed. */
  mark = new Uint32Array(0)
  /** The turn of its last receive. */
  turn = new Uint32Array(0)
  /** The pending send: position and length of the rest, and the bytes sent. */
  sendAt = new Int32Array(0)
  sendLeft = new Int32Array(0)
  sendDone = new Int32Array(0)
  /** By descriptor and kind. */
  #words = new Int32Array(0)
  #generations = new Int32Array(0)
  /** By operation (user-data.ts) and slot: the last descriptor that it was asked for. */
  readonly #asked: Int32Array[] = []
  #count = 0

  /** Makes room for this descriptor. */
  include(fd: number): void {
    if (fd >= this.#count) this.#grow(2 ** Math.ceil(Math.log2(Math.max(fd + 1, 1024))))
  }

  /** Adds a pending operation. */
  wait(fd: number, kind: Kind, word: number, generation: number): void {
    this.waiting[fd] |= 1 << kind
    this.#words[fd * KINDS + kind] = word
    this.#generations[fd * KINDS + kind] = generation
    const operation = operationOf(word)
    const slot = slotOf(word)
    const asked = this.#asked[operation]
    if (asked !== undefined && slot < asked.length) asked[slot] = fd
    else this.#extend(operation, slot)[slot] = fd
  }

  isWaiting(fd: number, kind: Kind): boolean {
    return (this.waiting[fd] & (1 << kind)) !== 0
  }

  word(fd: number, kind: Kind): number {
    return this.#words[fd * KINDS + kind]
  }

  generation(fd: number, kind: Kind): number {
    return this.#generations[fd * KINDS + kind]
  }

  /** The descriptor and kind of a pending operation, as 8 × fd + kind; −1: none. */
  find(word: number, generation: number): number {
    const fd = this.#asked[operationOf(word)]?.[slotOf(word)] ?? -1
    if (fd < 0) return -1
    for (let kind = 0; kind < KINDS; kind++) {
      const at = fd * KINDS + kind
      const isIt = this.#words[at] === (word | 0) && this.#generations[at] === (generation | 0)
      if (isIt && (this.waiting[fd] & (1 << kind)) !== 0) return at
    }
    return -1
  }

  /** It is closed; its pending operations have completed. */
  forget(fd: number): void {
    if (fd >= this.#count) return
    this.known[fd] = this.seen[fd] = 0
    this.mark[fd]++
  }

  #extend(operation: number, slot: number): Int32Array {
    const longer = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(slot + 1, 256)))).fill(-1)
    longer.set(this.#asked[operation] ?? [])
    this.#asked[operation] = longer
    return longer
  }

  #grow(count: number): void {
    const grown = <A extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(longer: A, from: A): A => {
      longer.set(from)
      return longer
    }
    this.known = grown(new Uint16Array(count), this.known)
    this.seen = grown(new Uint16Array(count), this.seen)
    this.waiting = grown(new Uint8Array(count), this.waiting)
    this.mark = grown(new Uint32Array(count), this.mark)
    this.turn = grown(new Uint32Array(count), this.turn)
    this.sendAt = grown(new Int32Array(count), this.sendAt)
    this.sendLeft = grown(new Int32Array(count), this.sendLeft)
    this.sendDone = grown(new Int32Array(count), this.sendDone)
    this.#words = grown(new Int32Array(count * KINDS), this.#words)
    this.#generations = grown(new Int32Array(count * KINDS), this.#generations)
    this.#count = count
  }
}
