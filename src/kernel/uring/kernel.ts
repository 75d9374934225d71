/** The kernel (../kernel.ts) by io_uring: one ring of this thread, and all memory that it sees. */

import type { Family } from '../../address/address.ts'
import { Arena } from '../arena.ts'
import {
  BUFFER_BYTES,
  ENTRIES_EACH,
  type Kernel,
  LARGE_ONES,
  type Pool,
  SMALL,
  SMALL_ONES,
} from '../kernel.ts'
import { Pipes } from '../pipes.ts'
import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from '../socket-address.ts'
import { wake } from '../wake.ts'
import { Buffers } from './buffers.ts'
import { Cqe } from './io-uring.ts'
import {
  prepareAccept,
  prepareCancel,
  prepareCancelAll,
  prepareClose,
  prepareConnect,
  preparePoll,
  preparePollMultishot,
  prepareRecvMultishot,
  prepareRecvSelect,
  prepareSend,
  prepareSendMore,
} from './prepare.ts'
import type { Ring } from './ring.ts'
import { closeRing, openRing, stopRing } from './ring-setup.ts'
import { UringSockets } from './sockets.ts'
import { Wake } from './wake.ts'

const ENTRIES = 4096
const COMPLETIONS = 16_384
/**
 * How many buffers the kernel may choose from. It takes them in turn, so each that is offered is
 * touched, and stays in memory: with all 128 large ones a worker grew by 28 MB in bulk, with 16 by
 * a few, for the same CPU with 4 and with 64 streams. Who finds none goes on with small ones.
 */
const SMALL_OFFERED = 256
const LARGE_OFFERED = 16
/** Bytes of the arena for each socket address. */
const ADDRESS_BYTES = Math.max(32, SOCKET_ADDRESS_BYTES)

type Parts = { readonly ring: Ring; readonly small: Buffers; readonly large: Buffers }

export class UringKernel implements Kernel {
  readonly name = 'uring'
  readonly memory: Arena
  readonly small: Buffers
  readonly large: Buffers
  readonly sockets: UringSockets
  readonly pipes: Pipes
  readonly wakeFd: number
  readonly rouse = wake
  word = 0
  generation = 0
  result = 0
  flags = 0
  readonly #ring: Ring
  readonly #wake: Wake
  /** Addresses of prepared connects that are not submitted yet, in turn. */
  readonly #addresses: number
  #address = 0

  private constructor({ ring, small, large }: Parts, wakeFd: number) {
    this.#ring = ring
    this.memory = ring.arena
    this.small = small
    this.large = large
    this.sockets = new UringSockets(ring.arena)
    this.pipes = new Pipes(ring.arena)
    this.wakeFd = wakeFd
    this.#wake = new Wake(ring, wakeFd)
    this.#addresses = ring.arena.take(ENTRIES * ADDRESS_BYTES)
  }

  /** For this thread, or −errno: what each means is in probe.ts. */
  static open(wakeFd: number): UringKernel | number {
    const arena = Arena.map(BUFFER_BYTES + ENTRIES * ADDRESS_BYTES + 65_536)
    if (typeof arena === 'number') return arena
    const ring = openRing(arena, { entries: ENTRIES, completions: COMPLETIONS, roomEach: ENTRIES_EACH })
    if (typeof ring === 'number') return ring
    const small = Buffers.open(ring, { ...SMALL_ONES, group: 0, offered: SMALL_OFFERED })
    if (typeof small === 'number') return small
    const large = Buffers.open(ring, { ...LARGE_ONES, group: 1, offered: LARGE_OFFERED })
    return typeof large === 'number' ? large : new UringKernel({ ring, small, large }, wakeFd)
  }

  wait(waitMs: number): number {
    return this.#ring.submitAndWait(waitMs)
  }

  submit(): number {
    return this.#ring.submit()
  }

  next(): boolean {
    const at = this.#ring.reap()
    if (at < 0) return false
    const { cqes } = this.#ring
    this.word = cqes[at + Cqe.USER_DATA]
    this.generation = cqes[at + Cqe.USER_DATA + 1] >>> 0
    this.result = cqes[at + Cqe.RES]
    this.flags = cqes[at + Cqe.FLAGS]
    return true
  }

  room(): number {
    return this.#ring.room()
  }

  lost(): number {
    return this.#ring.lost()
  }

  accept(fd: number, word: number, generation: number): void {
    prepareAccept(this.#ring, fd, word, generation)
  }

  connect(
    fd: number,
    family: Family,
    words: ArrayLike<number>,
    port: number,
    word: number,
    generation: number,
  ): void {
    const at = this.#addresses + (this.#address++ % ENTRIES) * ADDRESS_BYTES
    const bytes = writeSocketAddress(this.memory, at, family, words, port)
    prepareConnect(this.#ring, fd, at, bytes, word, generation)
  }

  receive(fd: number, pool: Pool, repeats: boolean, word: number, generation: number): void {
    const { group } = pool === SMALL ? this.small : this.large
    const isEmpty = this.sockets.receives(fd)
    if (repeats) prepareRecvMultishot(this.#ring, fd, group, word, generation, isEmpty)
    else prepareRecvSelect(this.#ring, fd, group, word, generation)
  }

  send(fd: number, at: number, bytes: number, more: boolean, word: number, generation: number): void {
    this.sockets.sends(fd, more)
    if (more) prepareSendMore(this.#ring, fd, at, bytes, word, generation)
    else prepareSend(this.#ring, fd, at, bytes, word, generation)
  }

  ready(fd: number, events: number, word: number, generation: number): void {
    preparePoll(this.#ring, fd, events, word, generation)
  }

  watch(fd: number, word: number, generation: number): void {
    preparePollMultishot(this.#ring, fd, word, generation)
  }

  cancel(targetWord: number, targetGeneration: number, word: number, generation: number): void {
    prepareCancel(this.#ring, targetWord, targetGeneration, word, generation)
  }

  cancelAll(fd: number, word: number, generation: number): void {
    prepareCancelAll(this.#ring, fd, word, generation)
  }

  close(fd: number, word: number, generation: number): void {
    this.sockets.closes(fd)
    prepareClose(this.#ring, fd, word, generation)
  }

  wake(word: number): void {
    this.#wake.prepare(this.#ring, word, 0)
  }

  stop(): void {
    this.#ring.submit() // what must be closed in order is
    stopRing(this.#ring)
  }

  end(): void {
    this.#ring.submit() // the last closes
    closeRing(this.#ring)
    this.memory.unmap()
  }
}
