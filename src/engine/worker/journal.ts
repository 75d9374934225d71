/**
 * The journal: an engine's records of its connections, in shared memory, for all other threads.
 *
 *   decided ─▶ refused                                             a record
 *   ▲  └─▶ opened ─▶ dialing ─▶ connected ─▶ received, delivered, ended in one direction … ─▶ closed
 *   │                  └─ failed ─▶ dialing                        a live row, then a record
 *   reading ─▶ refused                                             likewise, where it is read from first
 *
 * All engines call it at the same moments. Nothing here waits, allocates or throws; readers may be
 * a moment late (src/stats: series.ts, connections.ts, records.ts, histogram.ts).
 */

import {
  Flags,
  Live,
  LiveHead,
  liveAt,
  liveNames,
  openConnections,
  publishRow,
  Stage,
  withdrawRow,
} from '../../stats/connections.ts'
import { openHistogram, record } from '../../stats/histogram.ts'
import { copyRow, RecordKind, RecordWriter, recordNames, Wanted } from '../../stats/records.ts'
import { nameOf } from '../../stats/row-names.ts'
import { OTHER_ROW, Series, SeriesWriter, seriesAt } from '../../stats/series.ts'
import { openSources, type Sources } from '../../stats/source-table.ts'
import { giveRow, letGo } from '../../stats/sources.ts'
import { createProxyHeader, type ProxyHeader } from '../../wire/proxy-header.ts'
import type { Arrival } from '../decide/arrival.ts'
import type { Decision } from '../decide/decision.ts'
import { countEnd } from './count-end.ts'
import { FirstByte } from './first-byte.ts'
import type { EngineTask } from './protocol.ts'
import { readAddresses, writeArrival, writeEndpoint, writeNames } from './rows.ts'
import { WallClock } from './wall-clock.ts'

/** The directions, named after the side that bytes come from; as in ../flow/slots.ts. */
export const FROM_CLIENT = 0
export const FROM_UPSTREAM = 1
export type From = typeof FROM_CLIENT | typeof FROM_UPSTREAM

/** Words of a direction in a row. */
const CAME = [Live.fromClient / 2, Live.fromUpstream / 2] as const
const WENT = [Live.toUpstream / 2, Live.toClient / 2] as const
const ENDED = [Flags.clientEnded, Flags.upstreamEnded] as const
const ACTIVE = Live.activeMs / 2

/** Ids of 1 024 workers (config/settings/read.ts) never meet. */
const WORKERS_MAX = 1024

export class Journal {
  readonly #wall: WallClock
  readonly #worker: number
  readonly #series: SeriesWriter
  readonly #records: RecordWriter
  readonly #words: Int32Array
  readonly #numbers: Float64Array
  readonly #connect: Float64Array
  readonly #firstByte: FirstByte
  readonly #decide: Float64Array
  readonly #addresses = createProxyHeader()
  readonly #sources: Sources | null

  constructor({ index, journal, world, sources }: EngineTask) {
    this.#sources = sources ? openSources(sources) : null
    this.#wall = new WallClock(world)
    this.#worker = index
    this.#series = new SeriesWriter(journal.series)
    this.#records = new RecordWriter(journal.records, world.originMs)
    const { words, numbers } = openConnections(journal.connections)
    this.#words = words
    this.#numbers = numbers
    this.#connect = openHistogram(journal.histograms, 'connect')
    this.#firstByte = new FirstByte(words, numbers, journal.histograms)
    this.#decide = openHistogram(journal.histograms, 'decide')
    numbers[LiveHead.originMs / 2] = world.originMs
  }

  /** From now on this generation decides about connections. */
  adopt(generation: number): void {
    this.#series.adopt(generation)
    Atomics.store(this.#words, LiveHead.generation, generation)
  }

  /** The decision was made. */
  decided(arrival: Arrival, tookMs: number): void {
    arrival.decideNs = Math.round(tookMs * 1e6)
    record(this.#decide, arrival.decideNs)
  }

  /** It was accepted, and is read before the decision: it has the row `row`. */
  reading(row: number, arrival: Arrival): void {
    this.#write(row, arrival, Stage.reading)
    publishRow(this.#words, liveAt(row))
  }

  /** It ends before it went anywhere; `row` is the one that it had in Reading, or −1. */
  refused(row: number, arrival: Arrival, reason: number, nowMs: number): void {
    const at = this.#records.claim()
    if (at >= 0) {
      const { words, numbers } = this.#records
      words.fill(0, at, at + Live.WORDS)
      this.#describe(words, numbers, at, arrival)
      writeNames(words, at, recordNames(at), arrival)
      words[at + Live.errno] = row < 0 ? 0 : this.#words[liveAt(row) + Live.errno]
      this.#records.end(at, RecordKind.end, reason, nowMs)
    }
    if (row >= 0) this.#withdraw(liveAt(row)) // last: a worker that dies here leaves one or the other
  }

  /** It is admitted, and has the row `row` until it is closed; weir dials next. */
  opened(row: number, arrival: Arrival): void {
    const words = this.#words
    const at = liveAt(row)
    if (words[at + Live.state] !== 0) withdrawRow(words, at)
    this.#write(row, arrival, Stage.dialing)
    this.#count(at, arrival.decision)
    this.#series.gave(words[at + Live.series], arrival.decision.insteadOf)
    publishRow(words, at)
    if (words[at + Live.source] + words[at + Live.gatewaySource] > 0) this.#letGo()
  }

  /** The client and the requested address; refilled with each call. */
  addressesOf(row: number): ProxyHeader {
    readAddresses(this.#words, liveAt(row), this.#addresses)
    return this.#addresses
  }

  /** Its number, as the access log has it. */
  readonly idOf = (row: number): number => this.#numbers[(liveAt(row) + Live.id) / 2]

  /** The server name that its client asked for; '': none. */
  readonly serverNameOf = (row: number): string => nameOf(this.#words, liveAt(row))

  /** It goes on to another endpoint, which is already in the decision. */
  redirected(row: number, decision: Decision): void {
    const words = this.#words
    const at = liveAt(row)
    const before = words[at + Live.series]
    withdrawRow(words, at)
    words[at + Live.errno] = words[at + Live.connectUs] = 0 // they were the other endpoint's
    words[at + Live.state] = Stage.dialing
    this.#count(at, decision)
    publishRow(words, at)
    this.#series.move(before)
  }

  /** Its endpoint did not answer; `errno` is 0 for weir's own timeout. */
  dialFailed(row: number, errno: number): void {
    const at = liveAt(row)
    this.#words[at + Live.errno] = Math.abs(errno)
    this.#series.fail(this.#words[at + Live.series])
  }

  connected(row: number, tookMs: number, nowMs: number): void {
    const at = liveAt(row)
    const tookUs = Math.round(tookMs * 1000)
    record(this.#connect, tookUs)
    this.#words[at + Live.connectUs] = tookUs
    this.#words[at + Live.errno] = 0
    this.#words[at + Live.state] = Stage.relaying
    this.#numbers[(at + Live.connectedMs) / 2] = nowMs
    this.#numbers[at / 2 + ACTIVE] = nowMs
    if (this.#records.wants(Wanted.connects)) this.#record(at, RecordKind.connected, -1, nowMs)
  }

  /** Bytes came from a side. */
  received(row: number, from: From, bytes: number, nowMs: number): void {
    const at = liveAt(row) / 2
    const before = this.#numbers[at + CAME[from]]
    if (before === 0 && from === FROM_UPSTREAM) this.#firstByte.came(2 * at, nowMs)
    this.#numbers[at + CAME[from]] = before + bytes
    this.#numbers[at + ACTIVE] = nowMs
    if (from === FROM_CLIENT) this.#addBytes(row, Series.received, bytes)
  }

  /** The other side's socket took them. */
  delivered(row: number, from: From, bytes: number, nowMs: number): void {
    const at = liveAt(row) / 2
    this.#numbers[at + WENT[from]] += bytes
    this.#numbers[at + ACTIVE] = nowMs
    if (from === FROM_UPSTREAM) this.#addBytes(row, Series.sent, bytes)
  }

  /** Whether no byte has come from its upstream, and none of the client's has gone there. */
  isUntouched(row: number): boolean {
    const at = liveAt(row) / 2
    return this.#numbers[at + CAME[FROM_UPSTREAM]] === 0 && this.#numbers[at + WENT[FROM_CLIENT]] === 0
  }

  /** A side has ended, and the end was passed on. */
  ended(row: number, from: From, nowMs: number): void {
    const at = liveAt(row)
    this.#words[at + Live.flags] |= ENDED[from]
    this.#words[at + Live.state] = Stage.halfClosed
    this.#numbers[at / 2 + ACTIVE] = nowMs
  }

  /** The kernel's error for the failure that it ends with; before `closed`. */
  broke(row: number, errno: number): void {
    this.#words[liveAt(row) + Live.errno] = Math.abs(errno)
  }

  /** Whether the row is the open connection `id`. */
  isOf(row: number, id: number): boolean {
    const at = liveAt(row)
    return this.#words[at + Live.state] !== 0 && this.#numbers[(at + Live.id) / 2] === id
  }

  /** Policies of `generation` deny it, by the rule `policy` (1 + its row). Before `closed`. */
  denied(row: number, policy: number, generation: number): void {
    const at = liveAt(row)
    this.#words[at + Live.policy] = policy
    this.#words[at + Live.policyGeneration] = generation
  }

  /** It is over, and the row is free. */
  closed(row: number, reason: number, nowMs: number): void {
    const at = liveAt(row)
    const words = this.#words
    this.#record(at, RecordKind.end, reason, nowMs)
    countEnd(this.#series, words, this.#numbers, at, reason, nowMs)
    if (this.#sources !== null) giveRow(this.#sources, this.#worker, words, at)
    this.#withdraw(at)
  }

  /** Records its entries of the sources. */
  #letGo(): void {
    if (this.#sources !== null) letGo(this.#sources, this.#worker)
  }

  /** All fields of a row except for its destination. */
  #write(row: number, arrival: Arrival, stage: number): void {
    const words = this.#words
    const at = liveAt(row)
    if (row >= words[LiveHead.used]) Atomics.store(words, LiveHead.used, row + 1)
    for (let word = at + Live.flags; word < at + Live.activeMs; word++) words[word] = 0
    this.#describe(words, this.#numbers, at, arrival)
    if (arrival.query.isTls) words[at + Live.flags] |= Flags.tls
    writeNames(words, at, liveNames(words, row), arrival)
    this.#numbers[at / 2 + ACTIVE] = arrival.arrivedMs
    words[at + Live.series] = OTHER_ROW
    words[at + Live.state] = stage
    words[at + Live.endpointFamily] = 0
    words[at + Live.attempts] = 0
    words[at + Live.connectUs] = 0
    words[at + Live.firstByteUs] = 0
    words[at + Live.errno] = 0
  }

  #withdraw(at: number): void {
    withdrawRow(this.#words, at)
    this.#words[at + Live.state] = 0
  }

  #addBytes(row: number, what: number, bytes: number): void {
    const series = this.#words[liveAt(row) + Live.series]
    this.#series.numbers[(seriesAt(series) + what) / 2] += bytes
  }

  /** Writes the decision into the row and the series. */
  #count(at: number, decision: Decision): void {
    const words = this.#words
    writeEndpoint(words, at, decision)
    words[at + Live.attempts]++
    words[at + Live.series] = this.#series.open(
      words[at + Live.generation],
      words[at + Live.workload],
      words[at + Live.rule],
      decision.cluster,
      decision,
      this.#numbers[(at + Live.acceptedWallMs) / 2],
    )
  }

  /** The fields that are known before a connection goes anywhere. */
  #describe(words: Int32Array, numbers: Float64Array, at: number, arrival: Arrival): void {
    const { arrivedMs } = arrival
    if (arrival.id === 0) arrival.id = this.#nextId()
    numbers[(at + Live.id) / 2] = arrival.id
    numbers[(at + Live.acceptedMs) / 2] = arrivedMs
    numbers[(at + Live.acceptedWallMs) / 2] = this.#wall.at(arrivedMs)
    writeArrival(words, at, arrival)
  }

  #nextId(): number {
    const count = ++this.#numbers[LiveHead.lastId / 2]
    return count * WORKERS_MAX + this.#worker
  }

  #record(from: number, kind: number, reason: number, nowMs: number): void {
    const at = this.#records.claim()
    if (at < 0) return
    copyRow(this.#words, from, this.#records.words, at)
    this.#records.end(at, kind, reason, nowMs)
  }
}
