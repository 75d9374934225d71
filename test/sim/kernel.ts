/**
 * A kernel for one worker (src/kernel/kernel.ts), played by a program: operations complete whenever
 * the dice say so, in whatever order and with whatever errors Linux allows itself.
 *
 * A thread that waits must not stop the others, which share this one: so a wait that has nothing to
 * tell throws BLOCKED, out of `turn()` before it has done anything, and the scheduler calls
 * `turn()` again once there is something, or the time is up.
 */

import { Errno } from '../../src/kernel/errno.ts'
import {
  BUFFER,
  ENTRIES_EACH,
  type Kernel,
  LARGE,
  type Memory,
  MORE,
  NONEMPTY,
  POLL_ERR,
  POLL_IN,
  POLL_OUT,
  type Pool,
  SMALL,
} from '../../src/kernel/kernel.ts'
import { Calls } from './calls.ts'
import type { Clock } from './clock.ts'
import type { Dice } from './dice.ts'
import type { Faults } from './faults.ts'
import type { Name } from './names.ts'
import type { Network } from './network.ts'
import { Pools } from './pools.ts'
import { File, type Process } from './process.ts'

export const BLOCKED = Symbol('the thread waits')

const POLL_HUP = 16
/** Completions of one repeating receive in a row (MULTISHOT_MAX_RETRY in io_uring/net.c is 32). */
const IN_A_ROW = 4
/** That one socket may have: a receive, a send, two polls. */
const OPERATIONS_MOST = 4
/** And until the thread waits again, which alone makes completions (DEFER_TASKRUN). */
const IN_A_TURN = 32

export type Machine = {
  readonly clock: Clock
  readonly dice: Dice
  readonly faults: Faults
  readonly network: Network
  readonly process: Process
  /** By eventfd, the kernel that waits for it. */
  readonly wakes: Map<number, { count: number; kernel: SimulatedKernel | null }>
  /** Connections that it has sent away before anybody accepted them. */
  aborted: number
  /** A program has done what none may. */
  readonly onBug: (what: string) => void
  /** In the middle of a worker's turn, the rest of the world goes on. */
  readonly meanwhile: () => void
  readonly buffers: {
    readonly small: number
    readonly smallBytes: number
    readonly large: number
    readonly largeBytes: number
  }
}

type Kind = 'accept' | 'connect' | 'receive' | 'send' | 'ready' | 'watch' | 'wake'

export class Operation {
  readonly kind: Kind
  readonly file: File | null
  readonly word: number
  readonly generation: number
  readonly repeats: boolean
  pool: Pool = SMALL
  at = 0
  bytes = 0
  done = 0
  events = 0
  isOver = false
  /** Completions since the thread waited last. */
  told = 0
  isPoked = false
  poke: () => void = () => {}

  constructor(kind: Kind, file: File | null, word: number, generation: number, repeats: boolean) {
    this.kind = kind
    this.file = file
    this.word = word
    this.generation = generation
    this.repeats = repeats
  }
}

type Completion = {
  readonly operation: Operation | null
  readonly word: number
  readonly generation: number
  readonly result: number
  readonly flags: number
}

export class SimulatedKernel implements Kernel {
  readonly name = 'simulated'
  readonly memory: Memory
  readonly small: Pools['small']
  readonly large: Pools['large']
  readonly sockets: Calls
  readonly pipes: Calls['pipes']
  readonly wakeFd: number
  word = 0
  generation = 0
  result = 0
  flags = 0
  /** Until when the thread waits, while it does. */
  untilMs = Number.NaN
  /** What was asked and not handed over. */
  readonly #asked: (() => void)[] = []
  readonly #operations = new Set<Operation>()
  #ready: Completion[] = []
  /** What found the queue full: it is seen after the next wait (IORING_SQ_CQ_OVERFLOW). */
  readonly #overflow: Completion[] = []
  readonly #machine: Machine
  readonly #worker: number
  readonly #entries: number
  readonly #completions: number
  #isGone = false

  constructor(machine: Machine, worker: number, wakeFd: number) {
    this.#machine = machine
    this.#worker = worker
    this.wakeFd = wakeFd
    const { faults } = machine
    this.#entries = faults.has('smallBatch') ? 8 : 4096
    this.#completions = faults.has('smallQueue') ? 6 : 4096
    const pools = new Pools(machine.buffers)
    this.memory = pools.memory
    this.small = pools.small
    this.large = pools.large
    this.sockets = new Calls(machine, worker, pools)
    this.pipes = this.sockets.pipes
  }

  /** Operations that are in the kernel, but for the wait for a wake. */
  get inFlight(): number {
    let count = 0
    for (const { kind } of this.#operations) if (kind !== 'wake') count++
    return count
  }

  /** Whether a thread that waits has something to do. */
  get isDue(): boolean {
    const isReady = this.#ready.length + this.#overflow.length > 0
    return isReady || this.#machine.clock.nowMs >= this.untilMs
  }

  wait(waitMs: number): number {
    const { clock, faults } = this.#machine
    if (Number.isNaN(this.untilMs)) {
      if (faults.strikes('waitFails')) {
        this.#handOver(this.#machine.dice.below(this.#asked.length + 1))
        return -this.#machine.dice.pick([Errno.EAGAIN, Errno.EBUSY, Errno.ENOMEM])
      }
      this.submit()
      this.untilMs = waitMs < 0 ? Number.POSITIVE_INFINITY : clock.nowMs + waitMs
      if (faults.strikes('signal')) this.untilMs = clock.nowMs
    }
    if (!this.isDue) throw BLOCKED
    this.untilMs = Number.NaN
    this.#ready.push(...this.#overflow.splice(0, this.#completions - this.#ready.length))
    for (const operation of this.#operations) {
      if (operation.told >= IN_A_TURN) operation.poke()
      operation.told = 0
    }
    return 0
  }

  submit(): number {
    this.#handOver(this.#asked.length)
    return 0
  }

  #handOver(count: number): void {
    for (const start of this.#asked.splice(0, count)) start()
  }

  next(): boolean {
    if (this.room() < ENTRIES_EACH) return false
    if (this.#machine.faults.strikes('meanwhile')) this.#machine.meanwhile()
    const completion = this.#ready.shift()
    if (completion === undefined) return false
    this.word = completion.word
    this.generation = completion.generation
    this.result = completion.result
    this.flags = completion.flags
    this.#machine.clock.note(
      `${this.#worker} ${completion.operation?.kind ?? 'cancel'}`,
      this.word,
      this.result,
      this.flags,
    )
    return true
  }

  room(): number {
    return this.#entries - this.#asked.length
  }

  lost(): number {
    return 0
  }

  // ── operations

  accept(fd: number, word: number, generation: number): void {
    this.#ask('accept', fd, word, generation, true)
  }

  connect(
    fd: number,
    family: 4 | 6,
    words: ArrayLike<number>,
    port: number,
    word: number,
    generation: number,
  ): void {
    const name: Name = { family, words: Array.from(words), port }
    this.#ask('connect', fd, word, generation, false, operation => {
      const socket = operation.file?.socket
      if (!socket) return
      socket.remote = name
      this.#machine.network.dial(socket, result => this.#complete(operation, result, 0))
    })
  }

  receive(fd: number, pool: Pool, repeats: boolean, word: number, generation: number): void {
    this.#ask('receive', fd, word, generation, repeats, operation => {
      operation.pool = pool
    })
  }

  send(fd: number, at: number, bytes: number, _more: boolean, word: number, generation: number): void {
    this.#ask('send', fd, word, generation, false, operation => {
      operation.at = at
      operation.bytes = bytes
    })
  }

  ready(fd: number, events: number, word: number, generation: number): void {
    this.#ask('ready', fd, word, generation, false, operation => {
      operation.events = events
    })
  }

  watch(fd: number, word: number, generation: number): void {
    this.#ask('watch', fd, word, generation, true)
  }

  cancel(targetWord: number, targetGeneration: number, word: number, generation: number): void {
    this.#later(() => {
      const target = [...this.#operations].find(
        each => each.word === targetWord && each.generation === targetGeneration,
      )
      this.#post(null, word, generation, target ? this.#callBack(target) : -Errno.ENOENT, 0)
    })
  }

  cancelAll(fd: number, word: number, generation: number): void {
    this.#later(() => {
      const file = this.#machine.process.at(fd, this.#worker)
      const targets = [...(file?.operations ?? [])]
      for (const target of targets) this.#callBack(target)
      this.#post(null, word, generation, targets.length > 0 ? targets.length : -Errno.ENOENT, 0)
    })
  }

  close(fd: number, word: number, generation: number): void {
    this.#later(() => {
      const result = this.#machine.process.close(fd, this.#worker)
      if (result < 0) this.#post(null, word, generation, result, 0)
    })
  }

  wake(word: number): void {
    this.#later(() => {
      const operation = this.#add(new Operation('wake', null, word, 0, false))
      operation.poke = () => this.#progressWake(operation)
      operation.poke()
    })
  }

  rouse = (wakeFd: number): void => {
    const wake = this.#machine.wakes.get(wakeFd)
    if (wake === undefined) {
      this.#machine.onBug(`eventfd ${wakeFd} is written, and not open`)
      return
    }
    wake.count++
    wake.kernel?.woken()
  }

  // ── the end

  stop(): void {
    this.submit()
    this.#leave()
  }

  end(): void {
    this.submit()
    if (this.inFlight > 0 && [...this.#operations].some(({ kind }) => kind !== 'wake'))
      this.#machine.onBug(`${this.inFlight} operations are in the kernel at the end`)
    for (const { operation, result } of [...this.#ready, ...this.#overflow])
      if (operation?.kind === 'accept' && result >= 0)
        this.#machine.onBug('a connection was accepted and not looked at')
    if (this.small.free !== this.small.count || this.large.free !== this.large.count)
      this.#machine.onBug(
        `${this.small.count - this.small.free} small and ${this.large.count - this.large.free} large buffers are not given back`,
      )
    this.#leave()
  }

  /** Descriptors in completions that nobody has looked at. */
  unseen(): number[] {
    return [...this.#ready, ...this.#overflow].flatMap(({ operation, result }) =>
      operation?.kind === 'accept' && result >= 0 ? [result] : [],
    )
  }

  /** Somebody has written to the eventfd. */
  woken(): void {
    const { clock, dice, faults } = this.#machine
    const lateMs = faults.strikes('late') ? dice.below(20_000) / 1000 : 0
    clock.in(lateMs, () => {
      for (const operation of this.#operations) if (operation.kind === 'wake') operation.poke()
    })
  }

  #leave(): void {
    this.#isGone = true
    for (const operation of [...this.#operations]) this.#over(operation)
  }

  // ── inside

  #later(start: () => void): void {
    if (this.room() <= 0) this.#machine.onBug('the submission queue is full')
    this.#asked.push(start)
  }

  #ask(
    kind: Kind,
    fd: number,
    word: number,
    generation: number,
    repeats: boolean,
    prepare: (operation: Operation) => void = () => {},
  ): void {
    this.#later(() => {
      const file = this.#machine.process.at(fd, this.#worker)
      if (file === null) {
        this.#post(null, word, generation, -Errno.EBADF, 0)
        return
      }
      const operation = this.#add(new Operation(kind, file, word, generation, repeats))
      operation.poke = () => this.#poke(operation)
      prepare(operation)
      operation.poke()
    })
  }

  #add(operation: Operation): Operation {
    this.#operations.add(operation)
    operation.file?.operations.add(operation)
    if ((operation.file?.operations.size ?? 0) > OPERATIONS_MOST)
      this.#machine.onBug(`${OPERATIONS_MOST} operations of a file are in the kernel, and one more`)
    return operation
  }

  #over(operation: Operation): void {
    operation.isOver = true
    operation.poke = () => {}
    this.#operations.delete(operation)
    const { file } = operation
    if (file === null) return
    file.operations.delete(operation)
    this.#machine.process.release(file)
  }

  /** The operation looks again, now or a little later. */
  #poke(operation: Operation): void {
    if (operation.isPoked) return
    operation.isPoked = true
    const { clock, dice, faults } = this.#machine
    const lateMs = faults.strikes('late') ? dice.below(20_000) / 1000 : 0
    clock.in(lateMs, () => {
      operation.isPoked = false
      if (!operation.isOver) this.#progress(operation)
    })
  }

  #progress(operation: Operation): void {
    switch (operation.kind) {
      case 'accept':
        this.#accept(operation)
        return
      case 'receive':
        this.#receive(operation)
        return
      case 'send':
        this.#send(operation)
        return
      case 'ready':
        this.#look(operation)
        return
      case 'watch':
        this.#watch(operation)
        return
      case 'connect': {
        const socket = operation.file?.socket
        if (socket?.broken) this.#complete(operation, socket.takeError(Errno.ECONNRESET), 0)
      }
    }
  }

  #accept(operation: Operation): void {
    const { dice, faults, process } = this.#machine
    const { file } = operation
    const queue = file?.listener?.queue ?? []
    while (!operation.isOver && queue.length > 0) {
      const failure = faults.strikes('acceptFails') ? dice.pick(ACCEPT_ERRORS) : 0
      if (failure === Errno.ECONNABORTED) {
        this.#machine.aborted++
        this.#machine.network.abort(queue.shift()!)
      }
      if (failure !== 0) {
        this.#complete(operation, -failure, 0)
        return
      }
      if (!process.hasRoom()) {
        this.#complete(operation, -Errno.EMFILE, 0)
        return
      }
      const fd = process.open(new File(this.#worker, { socket: queue.shift()! }))
      this.#complete(operation, fd, this.#more())
    }
  }

  #receive(operation: Operation): void {
    const { network, dice, faults } = this.#machine
    const file = operation.file as File
    const socket = file.socket!
    if (
      socket.incoming.queued === 0 &&
      !socket.incoming.heardEnd &&
      !socket.broken &&
      faults.strikes('again')
    ) {
      this.#complete(operation, -Errno.EAGAIN, 0)
      return
    }
    // Also where nothing has come: github.com/axboe/liburing/issues/1275.
    if (faults.strikes('noBuffer')) {
      this.#complete(operation, -Errno.ENOBUFS, 0)
      return
    }
    const pool = operation.pool === LARGE ? this.large : this.small
    if (operation.told >= IN_A_TURN) return
    for (let row = 0; row < IN_A_ROW && !operation.isOver; row++) {
      if (socket.incoming.queued === 0) {
        const result = network.read(socket, NOTHING, 1)
        if (result !== -Errno.EAGAIN) this.#complete(operation, result, 0)
        return
      }
      if (faults.strikes('noBuffer') || !pool.isOffered) {
        this.#complete(operation, -Errno.ENOBUFS, 0)
        return
      }
      const most = faults.strikes('shortReceive') ? dice.size(pool.bytesEach) : pool.bytesEach
      const id = pool.fill()
      const at = pool.at(id)
      const bytes = network.read(socket, this.memory.u8.subarray(at, at + most), most)
      const hint = socket.incoming.queued > 0 || socket.incoming.heardEnd
      const nonempty = faults.strikes('wrongHint') ? !hint : hint
      const flags = BUFFER | (id << 16) | (nonempty ? NONEMPTY : 0)
      this.#complete(operation, bytes, operation.repeats ? flags | this.#more() : flags)
    }
    if (!operation.isOver) operation.poke()
  }

  #send(operation: Operation): void {
    const { network, faults } = this.#machine
    const file = operation.file as File
    const { at, bytes } = operation
    if (operation.done === 0 && file.socket!.outgoing.room === 0 && faults.strikes('again')) {
      this.#complete(operation, -Errno.EAGAIN, 0)
      return
    }
    const most = faults.strikes('shortSend')
      ? 1 + this.#machine.dice.below(bytes - operation.done)
      : bytes - operation.done
    const from = at + operation.done
    const result = network.write(file.socket!, this.memory.u8.subarray(from, from + most))
    if (result < 0) {
      this.#complete(operation, operation.done || result, 0)
      return
    }
    operation.done += result
    if (operation.done === bytes || (operation.done > 0 && faults.strikes('shortSend')))
      this.#complete(operation, operation.done, 0)
    else if (result === most) operation.poke()
  }

  #look(operation: Operation): void {
    const found = events(operation.file as File) & (operation.events | POLL_ERR | POLL_HUP)
    if (found !== 0) this.#complete(operation, found, 0)
  }

  #watch(operation: Operation): void {
    const found = events(operation.file as File) & (POLL_ERR | POLL_HUP)
    if (found === 0 || found === operation.events) return
    operation.events = found
    this.#complete(operation, found, this.#more())
  }

  #progressWake(operation: Operation): void {
    const wake = this.#machine.wakes.get(this.wakeFd)!
    wake.kernel = this
    if (operation.isOver || wake.count === 0) return
    wake.count = 0
    this.#complete(operation, 8, 0)
  }

  #more(): number {
    return this.#machine.faults.strikes('moreLost') ? 0 : MORE
  }

  /** What the cancel itself is told. */
  #callBack(target: Operation): number {
    const { clock, dice, faults } = this.#machine
    const end = () => {
      if (!target.isOver) this.#complete(target, target.done > 0 ? target.done : -Errno.ECANCELED, 0)
    }
    if (!faults.strikes('cancelRace')) {
      end()
      return 0
    }
    // Only what runs on a thread of the kernel's goes on for a while (io-wq).
    clock.in(target.kind === 'connect' ? dice.below(30_000) / 1000 : 0, end)
    return -Errno.EALREADY
  }

  #complete(operation: Operation, result: number, flags: number): void {
    if (operation.isOver) return
    // Where the queue is full, repeating operations end (io_uring/net.c).
    const kept = this.#ready.length >= this.#completions ? flags & ~MORE : flags
    operation.told++
    this.#post(operation, operation.word, operation.generation, result, kept)
    if ((kept & MORE) === 0) this.#over(operation)
  }

  #post(operation: Operation | null, word: number, generation: number, result: number, flags: number): void {
    if (this.#isGone) return
    const ready = this.#ready
    if (ready.length >= this.#completions) {
      this.#overflow.push({ operation, word, generation, result, flags })
      return
    }
    let at = ready.length
    if (this.#machine.faults.strikes('reorder')) {
      let least = 0
      if (operation !== null)
        for (let index = 0; index < ready.length; index++)
          if (ready[index].operation === operation) least = index + 1
      at = this.#machine.dice.between(least, ready.length)
    }
    ready.splice(at, 0, { operation, word, generation, result, flags })
  }
}

/** What poll(2) says of a socket. */
function events({ socket }: File): number {
  if (!socket) return 0
  if (socket.incoming === undefined) return socket.broken ? POLL_ERR | POLL_HUP : 0
  const isAtEnd = socket.incoming.heardEnd || socket.broken
  return (
    (socket.incoming.queued > 0 || isAtEnd ? POLL_IN : 0) |
    (socket.outgoing.room > 0 || socket.broken ? POLL_OUT : 0) |
    (socket.error !== 0 ? POLL_ERR : 0) |
    (socket.broken || (socket.incoming.heardEnd && socket.outgoing.ended) ? POLL_HUP : 0)
  )
}

const NOTHING = new Uint8Array(0)
const ACCEPT_ERRORS = [Errno.ECONNABORTED, Errno.EMFILE, Errno.ENFILE, Errno.ENOMEM, Errno.ENOBUFS]
