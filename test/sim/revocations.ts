/**
 * The main thread's part of a revocation: the real one (src/control/workers), in the time of a run,
 * and beside it a naive model of whom it concerns.
 */

import { formatAddress } from '../../src/address/address.ts'
import type { Observer } from '../../src/control/observe/observer.ts'
import { OnceAdopted } from '../../src/control/workers/once-adopted.ts'
import { findDenied, revocation } from '../../src/control/workers/revocation.ts'
import type { WorkerStatus } from '../../src/control/workers/worker-record.ts'
import type { Order } from '../../src/engine/worker/protocol.ts'
import { Live, LiveHead, liveAt, openConnections, Stage } from '../../src/stats/connections.ts'
import type { JournalMemory } from '../../src/stats/journal-memory.ts'
import { certifiedOf } from '../../src/stats/read-row.ts'
import { nameOf } from '../../src/stats/row-names.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import type { Machine } from './kernel.ts'
import { isDeniedBy, sameListener } from './places.ts'
import type { Version } from './tables.ts'

type Parts = {
  readonly machine: Machine
  readonly journals: readonly JournalMemory[]
  readonly observer: Pick<Observer, 'live' | 'generations'>
  readonly plans: readonly Plan[]
  readonly versions: readonly Version[]
  readonly status: () => readonly WorkerStatus[]
  readonly tell: (worker: number, order: Order) => void
}

/** From `atMs` on every worker had `version`; until `dueMs` all that it denies were to end. */
type Search = { readonly version: Version; readonly atMs: number; readonly dueMs: number }

export class Revocations {
  /** By id of a connection that is to end, generations of the policies that deny it. */
  readonly ending = new Map<number, number[]>()
  readonly searches: Search[] = []
  readonly #parts: Parts
  readonly #once: OnceAdopted

  constructor(parts: Parts) {
    this.#parts = parts
    this.#once = new OnceAdopted(parts.status)
  }

  /** As Gateway.#revoke in src/control has it. */
  published(generation: number, clientsRevision: number): void {
    const overMs = this.#parts.machine.dice.pick([0, 0, 200])
    const parts = { generation, clientsRevision, endpointsRevision: 0 }
    this.#once.wait('revoke', parts, () => this.#revoke(generation, overMs))
  }

  /** A worker has adopted something, or has ended. */
  look(): void {
    this.#once.look()
  }

  #revoke(generation: number, overMs: number): void {
    const { observer, versions, tell, machine } = this.#parts
    const table = observer.generations.table(generation)
    const version = versions.findLast(each => each.generation === generation)
    if (table === null || version === undefined) return
    const { nowMs } = machine.clock
    this.searches.push({ version, atMs: nowMs, dueMs: nowMs + overMs })
    const denied = findDenied(observer as Observer, table)
    const found = denied.map(({ id }) => id).toSorted((a, b) => a - b)
    const meant = [...this.#meant(version.plan)].toSorted((a, b) => a - b)
    if (String(found) !== String(meant))
      machine.onBug(`policies of generation ${generation} revoke ${found}, and deny ${meant}`)
    for (const id of found) this.ending.set(id, [...(this.ending.get(id) ?? []), generation])
    const random = () => machine.dice.below(2 ** 30) / 2 ** 30
    for (const [worker, order] of revocation(denied, generation, overMs, random)) tell(worker, order)
  }

  /** Ids of connections that were decided about, and that the listener of their name denies now. */
  *#meant(plan: Plan): Generator<number> {
    for (const { connections } of this.#parts.journals) {
      const { words, numbers } = openConnections(connections)
      for (let row = 0; row < words[LiveHead.used]; row++) {
        const at = liveAt(row)
        if (words[at + Live.state] === 0 || words[at + Live.state] === Stage.reading) continue
        const { listeners } = this.#parts.plans[words[at + Live.generation] - 1]
        const listener = sameListener(plan, listeners[words[at + Live.listener]])
        if (listener && isDeniedBy(plan, listener, askingAt(words, at))) yield numbers[(at + Live.id) / 2]
      }
    }
  }
}

function askingAt(words: Int32Array, at: number) {
  const address = (family: number, field: number): string =>
    formatAddress(words[at + family] === 6 ? 6 : 4, words, at + field)
  const client = address(Live.clientFamily, Live.client)
  return {
    client,
    peer: words[at + Live.peerFamily] === 0 ? client : address(Live.peerFamily, Live.peer),
    destination: address(Live.destinationFamily, Live.destination),
    port: words[at + Live.destinationPort],
    serverName: nameOf(words, at),
    certificate: certifiedOf(words, at)?.names ?? null,
    workload: null,
    isTls: false,
  }
}
