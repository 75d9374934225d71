/**
 * The main thread's part for connections of removed endpoints: the real one (src/control/workers),
 * in the time of a run, and beside it a naive model of which of them end, and when.
 */

import { formatEndpoint } from '../../src/address/address.ts'
import type { Observer } from '../../src/control/observe/observer.ts'
import { OnceAdopted } from '../../src/control/workers/once-adopted.ts'
import { type ClosingDestinations, closingDestinations } from '../../src/control/workers/removal-judge.ts'
import { RemovedEndpoints } from '../../src/control/workers/removed-endpoints.ts'
import type { WorkerStatus } from '../../src/control/workers/worker-record.ts'
import type { Adopted, Order } from '../../src/engine/worker/protocol.ts'
import { Live, Stage } from '../../src/stats/connections.ts'
import type { Cluster, Plan } from '../../src/table/plan/plan.ts'
import type { Removal } from '../../src/table/plan/removal.ts'
import type { Machine } from './kernel.ts'
import type { Ended, Scene } from './oracle.ts'
import { CLOSING_MS, endpointOf } from './times.ts'

type Parts = {
  readonly machine: Machine
  readonly observer: Pick<Observer, 'live' | 'generations'>
  readonly status: () => readonly WorkerStatus[]
  readonly tell: (worker: number, order: Order) => void
}

/** What was asked for from a time on: of each host, the time to end them over, and what it has. */
type Asked = {
  readonly atMs: number
  readonly hosts: ReadonlyMap<string, { readonly overMs: number; readonly endpoints: ReadonlySet<string> }>
}

/** Until it is found out that one which was being made is connected, and is told to end. */
const LOOKS_MS = 250
/** A worker that has died is there again, and decides by the newest table. */
const RESTARTS_MS = 150
/** Few, so that much happens between two pieces of work. */
const PIECE_ROWS = 2

const SILENT = { info: () => {} } as unknown as ConstructorParameters<typeof RemovedEndpoints>[0]['log']

export class Removals {
  readonly #parts: Parts
  readonly #removed: RemovedEndpoints
  readonly #once: OnceAdopted
  readonly #asked: Asked[] = []

  constructor(parts: Parts) {
    this.#parts = parts
    this.#once = new OnceAdopted(parts.status)
    const { machine, observer } = parts
    const { clock, dice } = machine
    this.#removed = new RemovedEndpoints({
      observer: observer as Observer,
      log: SILENT,
      tell: orders => {
        for (const [worker, order] of orders) parts.tell(worker, order)
      },
      world: {
        nowMs: () => clock.nowMs,
        chance: () => dice.below(2 ** 30) / 2 ** 30,
        after: (ms, run) => {
          let isOff = false
          clock.in(ms, () => isOff || run())
          return () => {
            isOff = true
          }
        },
        inPieces: (work, done) => {
          const piece = (): void => {
            if (work.next().done) done()
            else clock.in(dice.pick([0, 0, 1]), piece)
          }
          piece()
        },
        pieceRows: PIECE_ROWS,
      },
    })
  }

  /** As the publisher and DataPlane.closeRemoved of src/control have it. */
  published(plan: Plan, parts: Adopted): void {
    this.#note(plan)
    const removals = plan.clusters.filter(isAsked).map(removalOf)
    const before = this.#removed.destinations
    const gone = plan.clusters.filter(each => !isDefined(each)).map(keyOf)
    const vanished = gone.filter(each => before.has(each))
    const closing: ClosingDestinations = closingDestinations(removals, new Map(), before, vanished)
    if (this.#removed.follow(closing)) this.#once.wait('removed', parts, () => this.#removed.search())
  }

  /** A worker has adopted something, or has ended. */
  look(): void {
    this.#once.look()
  }

  close(): void {
    this.#removed.close()
  }

  /** Those of a removed endpoint have ended in time, and no others for that. */
  check({ gateway, lateMs, onBug }: Scene, { words, numbers, reason }: Ended, who: string): void {
    const cluster = gateway.plans[words[Live.generation] - 1]?.clusters[words[Live.cluster]]
    const isConnected = words[Live.state] >= Stage.relaying
    if (cluster === undefined || !isConnected) {
      // The order may meet one whose upstream has just reset, and is replaced.
      const wasConnected = numbers[Live.connectedMs / 2] > 0
      if (reason === 'endpoint-removed' && !wasConnected) onBug(`${who}: it was not connected`)
      return
    }
    const [connectedMs, endedMs] = [numbers[Live.connectedMs / 2], numbers[Live.endedMs / 2]]
    const text = endpointOf(words)
    const overMsAt = (asked: Asked): number | null => {
      const host = asked.hosts.get(keyOf(cluster))
      return host === undefined || host.endpoints.has(text) ? null : host.overMs
    }
    const untilEnd = this.#asked.filter(({ atMs }) => atMs <= endedMs)
    if (reason === 'endpoint-removed') {
      const fromMs = endedMs - LOOKS_MS - CLOSING_MS - lateMs
      const lately = untilEnd.filter((_, index) => (untilEnd[index + 1]?.atMs ?? endedMs) >= fromMs)
      if (lately.every(each => overMsAt(each) === null)) onBug(`${who}: ${text} was not removed`)
      return
    }
    const since = untilEnd.slice(untilEnd.findLastIndex(each => overMsAt(each) === null) + 1)
    if (since.length === 0 || reason === 'worker-lost') return // a record without its end's time
    const removedMs = Math.max(since[0].atMs, connectedMs)
    // An endpoint that is back for a moment may be seen only once it is removed again: then those
    // of the removal before keep their time.
    const seenMs = since[0].atMs - LOOKS_MS
    const seen = untilEnd.filter((_, index) => (untilEnd[index + 1]?.atMs ?? endedMs) >= seenMs)
    const overMs = Math.max(...seen.map(each => overMsAt(each) ?? 0))
    const stayedMs = Math.min(endedMs, gateway.endingMs) - removedMs
    if (stayedMs > overMs + LOOKS_MS + RESTARTS_MS + CLOSING_MS + lateMs)
      onBug(`${who}: ${text} had been removed for ${stayedMs} ms, and ${overMs} ms were to end it`)
  }

  /** What is defined without the wish is left alone; what nothing defines has no endpoints. */
  #note(plan: Plan): void {
    const before = this.#asked.at(-1)?.hosts
    const hosts = new Map<string, { overMs: number; endpoints: ReadonlySet<string> }>()
    for (const cluster of plan.clusters) {
      const key = keyOf(cluster)
      const known = before?.get(key)
      const { onRemoveMs, endpoints } = cluster
      if (onRemoveMs !== undefined && isDefined(cluster)) {
        const texts = endpoints.map(({ address, port }) => formatEndpoint(address, port))
        hosts.set(key, { overMs: onRemoveMs, endpoints: new Set(texts) })
      } else if (known && !isDefined(cluster)) hosts.set(key, { overMs: known.overMs, endpoints: new Set() })
    }
    this.#asked.push({ atMs: this.#parts.machine.clock.nowMs, hosts })
  }
}

const keyOf = ({ host, port }: Cluster): string => `${host}:${port}`

const isDefined = ({ kind, endpoints }: Cluster): boolean => kind !== 'unknown' || endpoints.length > 0

const isAsked = (cluster: Cluster): boolean => cluster.onRemoveMs !== undefined && isDefined(cluster)

const removalOf = ({ host, port, onRemoveMs = 0, endpoints }: Cluster): Removal => ({
  host,
  port,
  overMs: onRemoveMs,
  places: endpoints.map(each => ({ place: each.address, port: each.port })),
  at: { file: 'a.yaml', line: 1 },
})
