/** The memory that a simulated kernel and its worker share, and the buffers in it. */

import { BUFFER, type BufferPool, type Memory } from '../../src/kernel/kernel.ts'

/** What a buffer holds that is nobody's: bytes that no peer has sent in this order. */
const POISON = 0xdd
/** For what the stand-in's TLS adds to a receive, as in src/kernel/kernel.ts. */
const ROOM_MORE = 16

export class Buffers implements BufferPool {
  readonly count: number
  readonly bytesEach: number
  readonly roomEach: number
  free: number
  readonly #memory: Memory
  readonly #base: number
  /** Those that the kernel may fill, in the order in which they were given. */
  readonly #offered: number[]
  /** 0: the kernel's; 1: filled, and not looked at; 2: the worker's. */
  readonly #state: Uint8Array

  constructor(memory: Memory, count: number, bytesEach: number) {
    this.#memory = memory
    this.#base = memory.take(count * (bytesEach + ROOM_MORE))
    this.count = this.free = count
    this.bytesEach = bytesEach
    this.roomEach = bytesEach + ROOM_MORE
    this.#offered = Array.from({ length: count }, (_, id) => id)
    this.#state = new Uint8Array(count)
  }

  get isOffered(): boolean {
    return this.#offered.length > 0
  }

  /** The kernel takes one. */
  fill(): number {
    const id = this.#offered.shift()!
    this.#state[id] = 1
    return id
  }

  take(flags: number): number {
    if ((flags & BUFFER) === 0) return -1
    const id = flags >>> 16
    if (this.#state[id] !== 1) throw new Error(`buffer ${id} was not filled`)
    this.#state[id] = 2
    this.free--
    return id
  }

  borrow(): number {
    if (this.#offered.length === 0) return -1
    const id = this.#offered.pop() as number
    this.#state[id] = 2
    this.free--
    return id
  }

  give(id: number): void {
    if (this.#state[id] !== 2) throw new Error(`buffer ${id} is not the worker's to give`)
    this.#state[id] = 0
    this.free++
    const at = this.at(id)
    this.#memory.u8.fill(POISON, at, at + this.roomEach)
    this.#offered.push(id)
  }

  at(id: number): number {
    return this.#base + id * this.roomEach
  }
}

export class Pools {
  readonly memory: Memory
  readonly small: Buffers
  readonly large: Buffers

  constructor(sizes: { small: number; smallBytes: number; large: number; largeBytes: number }) {
    const u8 = new Uint8Array(
      sizes.small * (sizes.smallBytes + ROOM_MORE) + sizes.large * (sizes.largeBytes + ROOM_MORE),
    )
    let taken = 0
    this.memory = {
      u8,
      take: bytes => {
        const at = taken
        taken += bytes
        return at
      },
    }
    this.small = new Buffers(this.memory, sizes.small, sizes.smallBytes)
    this.large = new Buffers(this.memory, sizes.large, sizes.largeBytes)
  }
}
