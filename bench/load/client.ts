/**
 * The load: clients on one ring that send requests and check each reply, for a time.
 *
 *   connections  connect ─▶ ask ─▶ reply ─▶ the server's end ─▶ close, and again: each a connection of its own
 *   requests     connect once, then ask ─▶ reply ─▶ ask …; or, with a rate, at times that are set before
 *   bulk         connect ─▶ ask once for many mebibytes, and done
 *
 * With a rate the loop is open: requests, or connections, start at fixed intervals whether or not
 * earlier ones were answered, and latency counts from that intended start, so that a stall is
 * charged to every request that it delayed (coordinated omission: Gil Tene, "How NOT to Measure
 * Latency"). A request that finds no free client waits, and its wait counts. It ends with the last
 * byte of the reply.
 */

import { build, type Histogram } from 'hdr-histogram-js'
import { assert } from '../../src/base/assert.ts'
import { monotonicMs } from '../../src/base/clock.ts'
import { Arena } from '../../src/kernel/arena.ts'
import { Errno } from '../../src/kernel/errno.ts'
import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from '../../src/kernel/socket-address.ts'
import { closeSocket, Sockets } from '../../src/kernel/sockets.ts'
import { Cqe } from '../../src/kernel/uring/io-uring.ts'
import { prepareConnect, prepareRecv, prepareSend } from '../../src/kernel/uring/prepare.ts'
import type { Ring } from '../../src/kernel/uring/ring.ts'
import { closeRing, openRing } from '../../src/kernel/uring/ring-setup.ts'
import { operationOf, slotOf, subject } from '../../src/kernel/user-data.ts'
import { ladderOf } from '../ladder.ts'
import type { LoadJob, Outcome } from './job.ts'
import { LOOPBACK, opened } from './loopback.ts'
import { MESSAGE_BYTES } from './message.ts'
import { Speech, speechBytes } from './speech.ts'

const CONNECTED = 0
const SENT = 1
const RECEIVED = 2

/** Time for pending work after the end; a bulk transfer has only this. */
const GRACE_MS = 2_000
const BULK_MS_MAX = 20_000
/** A target that fails this often is broken: going on would only fill its queues. */
const FAILED_MAX = 1_000

export function load(job: LoadJob): Outcome {
  return new Load(job).run()
}

class Load {
  readonly #job: LoadJob
  readonly #arena: Arena
  readonly #ring: Ring
  readonly #sockets: Sockets
  readonly #address: number
  readonly #addressBytes: number
  readonly #speech: Speech
  readonly #fds: Int32Array
  readonly #sequences: Uint32Array
  readonly #received: Float64Array
  readonly #startedMs: Float64Array
  /** Clients that wait for the next time to ask. */
  readonly #idle: number[] = []
  readonly #latency: Histogram
  #nowMs = monotonicMs()
  #nextMs = Number.POSITIVE_INFINITY
  #endMs: number
  #busy = 0
  #done = 0
  #failed = 0
  #wrong = 0

  constructor(job: LoadJob) {
    this.#job = job
    const { clients } = job
    this.#arena = opened(Arena.map(speechBytes(job) + 65_536))
    this.#ring = opened(openRing(this.#arena, { entries: 4096, completions: 8192, roomEach: 2 }))
    this.#sockets = new Sockets(this.#arena)
    this.#address = this.#arena.take(SOCKET_ADDRESS_BYTES)
    this.#addressBytes = writeSocketAddress(this.#arena, this.#address, 4, LOOPBACK, job.port)
    this.#speech = new Speech(this.#arena, job)
    this.#fds = new Int32Array(clients).fill(-1)
    this.#sequences = new Uint32Array(clients)
    this.#received = new Float64Array(clients)
    this.#startedMs = new Float64Array(clients)
    this.#latency = build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: 1e11,
      numberOfSignificantValueDigits: 3,
    })
    this.#endMs = this.#nowMs + job.durationMs
  }

  run(): Outcome {
    if (this.#job.kind === 'requests') this.#connectAll()
    const startedMs = this.#restart()
    while (this.#goesOn()) this.#turn()
    const elapsedMs = this.#nowMs - startedMs
    const unanswered = this.#giveUp()
    closeRing(this.#ring)
    for (const fd of this.#fds) if (fd >= 0) closeSocket(fd)
    this.#arena.unmap()
    const at = (percentile: number): number => this.#latency.getValueAtPercentile(percentile)
    const latencyNs = { p50: at(50), p99: at(99), 'p99.9': at(99.9) }
    const [done, failed, wrong] = [this.#done, this.#failed, this.#wrong]
    const ladder = ladderOf(this.#latency)
    return { done, failed, wrong, unanswered, elapsedMs, latencyNs, ladder }
  }

  /** Kept connections are made, and send one request each, before time counts. */
  #connectAll(): void {
    const endMs = this.#endMs
    this.#endMs = 0 // each stops after its first answer
    for (let client = 0; client < this.#job.clients; client++) this.#connect(client)
    while (this.#busy > 0 && this.#nowMs < endMs + GRACE_MS) this.#turn()
    assert(this.#idle.length === this.#job.clients, 'not every kept connection could be made')
    this.#latency.reset()
    this.#done = 0
  }

  #restart(): number {
    this.#nowMs = monotonicMs()
    this.#endMs = this.#nowMs + this.#job.durationMs
    const { kind, clients, perSecond } = this.#job
    if (perSecond > 0) {
      this.#nextMs = this.#nowMs
      if (kind === 'connections') for (let client = 0; client < clients; client++) this.#idle.push(client)
    } else if (kind === 'requests') for (const client of this.#idle.splice(0)) this.#ask(client, this.#nowMs)
    else for (let client = 0; client < clients; client++) this.#connect(client)
    return this.#nowMs
  }

  /** Until every due request is answered, or it takes too long. */
  #goesOn(): boolean {
    const graceMs = this.#job.kind === 'bulk' ? BULK_MS_MAX : GRACE_MS
    if (this.#failed > FAILED_MAX || this.#nowMs > this.#endMs + graceMs) return false
    return this.#busy > 0 || this.#isDue()
  }

  /** Whether more requests of the open loop are to come. */
  #isDue(): boolean {
    return this.#nextMs < this.#endMs
  }

  #turn(): void {
    const ring = this.#ring
    const result = ring.submitAndWait(this.#waitMs())
    assert(result === 0 && ring.lost() === 0, 'the load’s ring')
    this.#nowMs = monotonicMs()
    if (this.#isStopped()) this.#endMs = Math.min(this.#endMs, this.#nowMs)
    for (let at = ring.reap(); at >= 0; at = ring.reap()) {
      const word = ring.cqes[at + Cqe.USER_DATA]
      this.#complete(slotOf(word), operationOf(word), ring.cqes[at + Cqe.RES])
    }
    this.#askDue()
  }

  #isStopped(): boolean {
    const { stop } = this.#job
    return stop !== undefined && Atomics.load(stop, 0) !== 0
  }

  /** At most a tick, to notice an end without completions. */
  #waitMs(): number {
    const dueMs = this.#idle.length > 0 && this.#isDue() ? this.#nextMs - this.#nowMs : 100
    return Math.max(0, Math.min(dueMs, 100))
  }

  #askDue(): void {
    const intervalMs = 1000 / this.#job.perSecond
    while (this.#nextMs <= this.#nowMs && this.#isDue() && this.#ring.room() >= 2) {
      const client = this.#idle.shift()
      if (client === undefined) return
      if (this.#job.kind === 'connections') this.#connect(client, this.#nextMs)
      else this.#ask(client, this.#nextMs)
      this.#nextMs += intervalMs
    }
  }

  #complete(client: number, operation: number, result: number): void {
    if (operation === SENT) return // it failed: the receive that follows it fails as well
    if (operation === RECEIVED) this.#onReceived(client, result)
    else if (result < 0) this.#fail(client)
    else this.#ask(client, this.#startedMs[client])
  }

  #connect(client: number, startedMs = this.#nowMs): void {
    this.#startedMs[client] = startedMs
    this.#busy++
    const fd = opened(this.#sockets.dial(4, true))
    this.#fds[client] = fd
    prepareConnect(this.#ring, fd, this.#address, this.#addressBytes, subject(client, CONNECTED), 0)
  }

  /** Sends a request over an open connection; it counts as busy already if it was made for this. */
  #ask(client: number, startedMs: number): void {
    const { kind, mebibytes } = this.#job
    if (kind === 'requests' && this.#sequences[client] > 0) this.#busy++
    this.#startedMs[client] = startedMs
    this.#received[client] = 0
    const sequence = ++this.#sequences[client]
    const isFirst = kind !== 'requests' || sequence === 1
    const closes = kind === 'connections'
    const [at, bytes] = this.#speech.ask({ client, sequence, mebibytes, closes }, isFirst)
    prepareSend(this.#ring, this.#fds[client], at, bytes, subject(client, SENT), 0)
    this.#ring.skipSuccess()
    this.#receive(client)
  }

  #receive(client: number): void {
    const [at, bytes] = this.#speech.room(client, this.#received[client])
    prepareRecv(this.#ring, this.#fds[client], at, bytes, subject(client, RECEIVED), 0)
  }

  #onReceived(client: number, result: number): void {
    const { kind } = this.#job
    const isEnd = kind === 'connections' && this.#received[client] === MESSAGE_BYTES
    if (isEnd && result === 0) this.#finish(client)
    else if (isEnd || result <= 0) this.#fail(client)
    else if (kind === 'bulk') this.#onBulk(client, result)
    else this.#onReply(client, result)
  }

  #onReply(client: number, bytes: number): void {
    this.#received[client] += bytes
    if (this.#received[client] === MESSAGE_BYTES) {
      if (!this.#speech.isAnswered(client)) this.#wrong++
      this.#keepLatency(client)
      if (this.#job.kind === 'requests') {
        this.#finish(client)
        return
      }
    }
    this.#receive(client)
  }

  #onBulk(client: number, bytes: number): void {
    if (!this.#speech.isBulk(client, this.#received[client], bytes)) this.#wrong++
    this.#received[client] += bytes
    if (this.#received[client] < this.#job.mebibytes * 2 ** 20) this.#receive(client)
    else {
      this.#keepLatency(client)
      this.#finish(client)
    }
  }

  /** From the intended start to the whole reply. */
  #keepLatency(client: number): void {
    this.#latency.recordValue(Math.max(0, Math.round((this.#nowMs - this.#startedMs[client]) * 1e6)))
  }

  #finish(client: number): void {
    this.#busy--
    this.#done++
    const { kind, perSecond } = this.#job
    const again = this.#nowMs < this.#endMs
    if (kind === 'connections') {
      this.#close(client)
      this.#next(client)
    } else if (kind === 'requests') {
      if (again && perSecond === 0) this.#ask(client, this.#nowMs)
      else this.#idle.push(client)
    }
  }

  #fail(client: number): void {
    this.#busy--
    this.#failed++
    this.#close(client)
    if (this.#job.kind === 'connections') this.#next(client)
  }

  /** Another connection: at once, or when it is due. */
  #next(client: number): void {
    if (this.#job.perSecond > 0) this.#idle.push(client)
    else if (this.#nowMs < this.#endMs) this.#connect(client)
  }

  #close(client: number): void {
    const result = closeSocket(this.#fds[client])
    assert(result === 0 || result === -Errno.EINTR, 'a descriptor of the load')
    this.#fds[client] = -1
  }

  /**
   * Charges requests that were never answered, or never sent, with the time that they waited;
   * returns their number.
   */
  #giveUp(): number {
    let count = this.#busy
    const wait = (ms: number): void => this.#latency.recordValue(Math.round(Math.max(0, ms) * 1e6))
    if (this.#job.perSecond === 0) return count
    const free = new Set(this.#idle)
    for (let client = 0; client < this.#job.clients; client++) {
      if (!free.has(client) && this.#fds[client] >= 0) wait(this.#nowMs - this.#startedMs[client])
    }
    for (; this.#isDue(); count++) {
      wait(this.#nowMs - this.#nextMs)
      this.#nextMs += 1000 / this.#job.perSecond
    }
    return count
  }
}
