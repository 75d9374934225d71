/**
 * The main thread's part of an endpoint's health: the real one (src/control/health), in the time
 * and on the network of a run, and beside it a naive model of what it should say.
 */

import { formatEndpoint } from '../../src/address/address.ts'
import { EndpointHealth } from '../../src/control/health/endpoint-health.ts'
import { parsePlace } from '../../src/control/health/endpoint-place.ts'
import type { HealthWorld } from '../../src/control/health/health-world.ts'
import type { Verdict } from '../../src/control/health/probe.ts'
import type { Observer } from '../../src/control/observe/observer.ts'
import { SelectedDrain } from '../../src/control/workers/selected-drain.ts'
import type { Order } from '../../src/engine/worker/protocol.ts'
import { Live, LiveHead, liveAt, openConnections, Stage } from '../../src/stats/connections.ts'
import { Mark } from '../../src/stats/endpoint-marks.ts'
import type { JournalMemory } from '../../src/stats/journal-memory.ts'
import { Reason } from '../../src/stats/reasons.ts'
import type { Stats } from '../../src/stats/stats.ts'
import { readCold, type Table } from '../../src/table/format/table.ts'
import type { HealthCheck } from '../../src/table/plan/health-check.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import type { Arrivals } from './arrivals.ts'
import type { Dials } from './dials.ts'
import type { Machine } from './kernel.ts'
import { nameIn, nameOf, nameText } from './names.ts'

type Parts = {
  readonly machine: Machine
  readonly stats: Stats
  readonly journals: readonly JournalMemory[]
  readonly observer: Pick<Observer, 'live' | 'generations'>
  readonly dials: Dials
  readonly arrivals: Arrivals
  readonly slotOf: (identity: string) => number
  readonly tell: (worker: number, order: Order) => void
}

/** An endpoint that is checked, as the naive model has it. */
type Known = { readonly check: HealthCheck; isUp: boolean; doubts: number }

const SILENT = { warn: () => {}, info: () => {} } as unknown as ConstructorParameters<
  typeof EndpointHealth
>[1]

export class Health {
  /** Connections that are to end since their endpoint is down; '': it was still being dialed. */
  readonly closing = new Map<number, string>()
  readonly #parts: Parts
  readonly #health: EndpointHealth
  readonly #known = new Map<string, Known>()
  readonly #drained = new Set<string>()
  readonly #arrivals: Arrivals
  #clusters: Plan['clusters'] = []

  constructor(parts: Parts) {
    this.#parts = parts
    this.#arrivals = parts.arrivals
    this.#health = new EndpointHealth(parts.stats, SILENT, ({ text }) => this.#close(text), this.#world())
  }

  publishing(table: Table, plan: Plan): void {
    this.#arrivals.follow(plan, this.#parts.machine.clock.nowMs)
    this.#follow(plan)
    this.#clusters = plan.clusters
    const checked = plan.clusters.flatMap(({ check }, cluster) => (check ? [{ cluster, check }] : []))
    this.#health.publishing(table, () => readCold(table), checked)
  }

  /** An operator takes an endpoint out of rotation, where something served has it. */
  drain(text: string): void {
    const { dials, machine } = this.#parts
    const place = parsePlace(text)
    if (place === null || this.#health.drain(place) === null) return
    this.#drained.add(text)
    dials.drained.begin(text, machine.clock.nowMs)
  }

  enable(text: string): void {
    const { dials, machine } = this.#parts
    const place = parsePlace(text)
    if (place === null || this.#health.enable(place) === null) return
    if (this.#drained.delete(text)) this.#arrivals.isBack(text, machine.clock.nowMs)
    dials.drained.end(text, machine.clock.nowMs)
  }

  /** Marks are what the model says, of each endpoint of a plan. */
  check({ clusters }: Plan): void {
    const { stats, slotOf, machine } = this.#parts
    for (const { address, port } of clusters.flatMap(({ endpoints }) => endpoints)) {
      const text = formatEndpoint(address, port)
      const mark = stats.marks[slotOf(`endpoint ${address} ${port}`)]
      const isDrained = this.#drained.has(text)
      const isDown = this.#known.get(text)?.isUp === false
      if (((mark & Mark.draining) !== 0) !== isDrained)
        machine.onBug(`${text} is marked as ${isDrained ? 'in use, and is drained' : 'drained, and is not'}`)
      if (stats.arrivals[slotOf(`endpoint ${address} ${port}`)] !== this.#arrivals.stampOf(text))
        machine.onBug(
          `${text}: it came into rotation at another time: ${stats.arrivals[slotOf(`endpoint ${address} ${port}`)]}, not ${this.#arrivals.stampOf(text)}`,
        )
      if (((mark & Mark.down) !== 0) !== isDown)
        machine.onBug(`${text} is marked as ${isDown ? 'up, and is down' : 'down, and is up'}`)
    }
  }

  close(): void {
    this.#health.close()
  }

  // ── the naive model

  /** Of several checks of an endpoint the first holds; another check goes on from what is known. */
  #follow({ clusters }: Plan): void {
    const { dials, machine } = this.#parts
    const now = new Map<string, HealthCheck>()
    for (const { check, endpoints } of clusters)
      for (const { address, port } of check ? endpoints : [])
        if (check && !now.has(formatEndpoint(address, port))) now.set(formatEndpoint(address, port), check)
    for (const text of [...this.#known.keys()])
      if (!now.has(text)) {
        if (this.#known.get(text)?.isUp === false) this.#arrivals.isBack(text, machine.clock.nowMs)
        this.#known.delete(text)
        dials.down.end(text, machine.clock.nowMs)
      }
    for (const [text, check] of now) {
      const known = this.#known.get(text)
      const isSame = JSON.stringify(known?.check) === JSON.stringify(check)
      if (!isSame) this.#known.set(text, { check, isUp: known?.isUp ?? true, doubts: 0 })
    }
  }

  #judged(text: string, verdict: Verdict): void {
    const { dials, machine } = this.#parts
    const known = this.#known.get(text)
    if (known === undefined) {
      machine.onBug(`${text} is checked, and nobody asks for it`)
      return
    }
    const isWell = verdict === null
    known.doubts = isWell === known.isUp ? 0 : known.doubts + 1
    if (known.doubts >= (known.isUp ? known.check.fall : known.check.rise)) {
      known.isUp = !known.isUp
      known.doubts = 0
      if (known.isUp) this.#arrivals.isBack(text, machine.clock.nowMs)
      if (known.isUp) dials.down.end(text, machine.clock.nowMs)
      else dials.down.begin(text, machine.clock.nowMs)
    }
    if (isWell && known.isUp) this.#uneject(text)
  }

  #uneject(text: string): void {
    const { dials, machine } = this.#parts
    for (const cluster of this.#clusters)
      for (const each of cluster.endpoints)
        if (formatEndpoint(each.address, each.port) === text)
          dials.ejection.unejected(cluster, each, machine.clock.nowMs)
  }

  // ── the world of the real one

  #world(): HealthWorld {
    const { clock, dice } = this.#parts.machine
    const after = (ms: number, run: () => void): (() => void) => {
      let isOff = false
      clock.in(ms, () => isOff || run())
      return () => {
        isOff = true
      }
    }
    const every = (ms: number, run: () => void): (() => void) => {
      let stop = () => {}
      const again = () => {
        stop = after(ms, () => {
          again()
          run()
        })
      }
      again()
      return () => stop()
    }
    return {
      nowMs: () => clock.nowMs,
      after,
      every,
      chance: () => dice.below(2 ** 30) / 2 ** 30,
      probe: this.#probe,
    }
  }

  readonly #probe: HealthWorld['probe'] = ({ address, port }, check, done) => {
    const { clock, network } = this.#parts.machine
    const text = formatEndpoint(address, port)
    let isOver = false
    const end = (verdict: Verdict): void => {
      if (isOver) return
      isOver = true
      this.#judged(text, verdict)
      done(verdict)
    }
    clock.in(check.timeoutMs, () => end('timeout'))
    network.knock(nameText(nameOf(address, port)), isThere => end(isThere ? null : 'ECONNREFUSED'))
    return () => {
      isOver = true
    }
  }

  /** Connections to an endpoint that is down are told to end; all that there are, and no others. */
  #close(text: string): void {
    const { observer, machine, tell } = this.#parts
    const place = parsePlace(text)
    if (place === null) return
    const drain = new SelectedDrain(observer as Observer, { endpoint: place }, 0, Reason['endpoint-down'])
    const orders = drain.orders(() => machine.dice.below(2 ** 30) / 2 ** 30)
    const meant = new Map(this.#going(text))
    const told = [...orders.values()].flatMap(order => (order.kind === 'close' ? [...order.ids] : []))
    for (const id of told)
      if (!meant.has(id)) machine.onBug(`connection ${id} is to end with ${text}, and goes elsewhere`)
      else this.closing.set(id, meant.get(id) === Stage.dialing ? '' : text)
    // Another endpoint may yet be dialed for one that is not connected.
    for (const [id, state] of meant)
      if (state !== Stage.dialing && !this.closing.has(id))
        machine.onBug(`connection ${id} stays with ${text}, which is down`)
    for (const [worker, order] of orders) tell(worker, order)
  }

  /** Ids and states of the connections that go to an endpoint now. */
  *#going(text: string): Generator<[number, number]> {
    for (const { connections } of this.#parts.journals) {
      const { words, numbers } = openConnections(connections)
      for (let row = 0; row < words[LiveHead.used]; row++) {
        const at = liveAt(row)
        if (words[at + Live.state] === 0 || words[at + Live.endpointFamily] === 0) continue
        const { address, port } = nameIn(words, at + Live.endpointAddress)
        if (formatEndpoint(address, port) === text)
          yield [numbers[(at + Live.id) / 2], words[at + Live.state]]
      }
    }
  }
}
