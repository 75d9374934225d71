/**
 * Goal: with `on-dead: redistribute` a destination that is down gives its share to those that are
 * up, by their weights, and the verdict of the split knows it. Method: decisions on one set of
 * counts, with endpoints drained, ejected, failing their checks, in back-off or not there; then
 * workers whose destination dies and comes back.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RuleCounts } from '../../src/control/observe/rule-counts.ts'
import { rulesOf } from '../../src/control/observe/rules.ts'
import { createDecider, decide } from '../../src/engine/decide/decide.ts'
import { ADMITTED, createDecision } from '../../src/engine/decide/decision.ts'
import { machine } from '../../src/kernel/machine.ts'
import { noteFailure } from '../../src/stats/backoffs.ts'
import { clearMark, Mark, setMark } from '../../src/stats/endpoint-marks.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { createStats } from '../../src/stats/stats.ts'
import { runOf, slotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { readCold } from '../../src/table/format/table.ts'
import { createQuery } from '../../src/table/match/query.ts'
import { type Cluster, type OnDead, type Plan, SPLITS, type Split } from '../../src/table/plan/plan.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { runs } from '../support/full.ts'
import { begin, freePort, listen, readAll, say } from '../support/sockets.ts'
import { tableOf } from '../support/tables.ts'

/** It takes megabytes, so tests share it. */
const STATS = createStats(1)

const target = (port: number) => ({ address: '127.0.0.1', port })

/** Destinations of these weights, with `count` endpoints each, at ports 100, 101, … , 200, … */
function planWith(weights: readonly number[], split: Split, onDead: OnDead, count = 1): Plan {
  const clusters = weights.map((_, index) =>
    clusterOf(
      Array.from({ length: count }, (_, each) => target(100 * (index + 1) + each)),
      { balance: 'ROUND_ROBIN' },
      `d${index}`,
    ),
  )
  return splitBy(clusters, weights, split, onDead)
}

function splitBy(clusters: Cluster[], weights: readonly number[], split: Split, onDead: OnDead): Plan {
  const destinations = weights.map((weight, cluster) => ({ cluster, weight }))
  const plan = planOf([listenerOn(80, 0)], clusters)
  return { ...plan, routes: [{ identity: 'split', destinations, split, onDead }] }
}

/** One worker's decisions, with a clock that stands still. */
class Decisions {
  readonly table
  readonly decider
  readonly decision = createDecision()

  constructor(plan: Plan) {
    this.table = tableOf(plan)
    const world = { ...machine, originMs: 0, monotonicMs: () => 5_000 }
    new Int32Array(STATS).fill(0)
    this.decider = createDecider({ world, stats: STATS, index: 0, limits: { maxConnections: 10 } })
  }

  slots(cluster: number): number[] {
    const { endpoints } = this.table
    const run = runOf(this.table, cluster)
    return Array.from({ length: endpoints[run + EndpointRun.count] }, (_, index) =>
      slotAt(endpoints, (endpoints[run + EndpointRun.first] + index) * Endpoint.WORDS),
    )
  }

  kill(cluster: number, mark: number = Mark.down): void {
    for (const slot of this.slots(cluster)) setMark(this.decider.stats.marks, slot, mark)
  }

  revive(cluster: number, mark: number = Mark.down): void {
    for (const slot of this.slots(cluster)) clearMark(this.decider.stats.marks, slot, mark)
  }

  /** The destination of a connection, or −1 − the reason for which it has none. */
  go(client = 0): number {
    const query = createQuery()
    query.clientFamily = 4
    query.client[0] = client
    query.destinationFamily = 4
    query.destinationPort = 80
    const outcome = decide(this.decider, this.table, query, this.decision)
    return outcome === ADMITTED ? this.decision.cluster : -1 - outcome
  }

  counts(connections: number): number[] {
    const counts = this.table.clusters.length > 0 ? new Array<number>(8).fill(0) : []
    for (let each = 0; each < connections; each++) {
      const cluster = this.go(each * 7919)
      assert.ok(cluster >= 0, `${-1 - cluster}`)
      counts[cluster]++
    }
    return counts
  }
}

const NO_ENDPOINT = -1 - Reason['no-endpoint']

for (const split of SPLITS) {
  test(`${split}: by default a destination that is down keeps its share, and fails`, () => {
    const decisions = new Decisions(planWith([1, 1], split, 'fail'))
    decisions.kill(1)
    const seen = new Set(Array.from({ length: 200 }, (_, client) => decisions.go(client * 7919)))
    assert.deepEqual([...seen].sort(), [NO_ENDPOINT, 0].sort())
  })

  test(`${split}: of three, the share of the one that is down goes to the others by their weights, and comes back`, () => {
    const decisions = new Decisions(planWith([50, 30, 20], split, 'redistribute', 2))
    const all = 10_000
    const off = (counts: readonly number[], shares: readonly number[]): number =>
      Math.max(...shares.map((share, index) => Math.abs(counts[index] / all - share)))
    const most = split === 'exact' ? 0.001 : 0.03
    assert.ok(off(decisions.counts(all), [0.5, 0.3, 0.2]) < most)
    decisions.kill(0)
    assert.ok(off(decisions.counts(all), [0, 0.6, 0.4]) < most)
    decisions.kill(1)
    assert.deepEqual(decisions.counts(100).slice(0, 3), [0, 0, 100])
    decisions.kill(2)
    assert.equal(decisions.go(), NO_ENDPOINT)
    for (const cluster of [0, 1, 2]) decisions.revive(cluster)
    assert.ok(off(decisions.counts(all), [0.5, 0.3, 0.2]) < most)
  })
}

test('sticky: of the clients of others none moves, and each comes back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 6 }),
      fc.nat(),
      fc.nat(),
      (weights, one, other) => {
        const decisions = new Decisions(planWith(weights, 'sticky', 'redistribute'))
        const clients = Array.from({ length: 200 }, (_, index) => index * 7919)
        const places = () => clients.map(each => decisions.go(each))
        const before = places()
        const dead = [one % weights.length, other % weights.length]
        decisions.kill(dead[0])
        const first = places()
        decisions.kill(dead[1])
        const second = places()
        decisions.revive(dead[1])
        decisions.revive(dead[0])
        assert.deepEqual(places(), before)
        const living = weights.length - new Set(dead).size
        for (const index of clients.keys()) {
          if (before[index] !== dead[0]) assert.equal(first[index], before[index])
          if (first[index] !== dead[1] && living > 1) assert.equal(second[index], first[index])
        }
      },
    ),
    { numRuns: runs(25) },
  )
})

test('down is: drained, failing checks, in back-off, or without endpoints; not: full, or with one endpoint that is up', () => {
  const decisions = new Decisions(planWith([1, 1], 'exact', 'redistribute', 2))
  const goes = () => [...new Set([decisions.go(), decisions.go(), decisions.go(), decisions.go()])].sort()
  assert.deepEqual(goes(), [0, 1])
  for (const mark of [Mark.draining, Mark.down]) {
    const [first] = decisions.slots(0)
    setMark(decisions.decider.stats.marks, first, mark)
    assert.deepEqual(goes(), [0, 1])
    decisions.kill(0, mark)
    assert.deepEqual(goes(), [1])
    decisions.revive(0, mark)
  }
  for (const slot of decisions.slots(0)) noteFailure(decisions.decider.stats.backoffs, slot, 5_000, false)
  assert.deepEqual(goes(), [1])
  const empty = [clusterOf([], {}, 'd0'), clusterOf([target(200)], {}, 'd1')]
  assert.deepEqual(new Decisions(splitBy(empty, [1, 1], 'exact', 'redistribute')).counts(10)[1], 10)
})

for (const split of SPLITS)
  test(`${split}: if all are down, those get connections that are so only by their back-offs`, () => {
    const decisions = new Decisions(planWith([1, 1, 1], split, 'redistribute'))
    const goes = () =>
      [...new Set(Array.from({ length: 60 }, (_, client) => decisions.go(client * 7919)))].sort()
    const { backoffs } = decisions.decider.stats
    decisions.kill(0, Mark.draining)
    for (const cluster of [1, 2])
      for (const slot of decisions.slots(cluster)) noteFailure(backoffs, slot, 5_000, false)
    assert.deepEqual(goes(), [1, 2])
    decisions.kill(2)
    assert.deepEqual(goes(), [1])
    decisions.kill(1)
    assert.deepEqual(goes(), [NO_ENDPOINT])
  })

test('a destination that nothing defines is a mistake, and neither gives its share nor gets one', () => {
  const unknown: Cluster = { ...clusterOf([], {}, 'd1'), kind: 'unknown' }
  const clusters = [clusterOf([target(100)], {}, 'd0'), unknown, clusterOf([target(300)], {}, 'd2')]
  const decisions = new Decisions(splitBy(clusters, [1, 1, 1], 'exact', 'redistribute'))
  decisions.kill(0)
  const went = Array.from({ length: 300 }, () => decisions.go())
  assert.equal(went.filter(each => each === 2).length, 200)
  assert.equal(went.filter(each => each === -1 - Reason['unknown-destination']).length, 100)
})

for (const { engine, test } of ENGINES) {
  test(`${engine}: a destination that dies gives its share away at once, the verdict knows it, and it gets it back`, async () => {
    await using one = await listen(say('one'))
    await using two = await listen(say('two'))
    const port = await freePort()
    await using plane = new TestEngine(engine, 1)
    const clusters = [clusterOf([one], {}, 'd0'), clusterOf([two], {}, 'd1')]
    const origin = { virtualService: 'a/b', block: 'tcp', route: 0, match: null, file: 'f', line: 1 } as const
    const plan = splitBy(clusters, [3, 1], 'exact', 'redistribute')
    const listener = { ...listenerOn(port, 0) }
    const [scope] = listener.scopes
    const rule = {
      origin,
      destinations: [],
      port: 0,
      clients: [],
      source: { namespace: null, labels: {}, visibleTo: null },
      route: 0,
      never: null,
    }
    await plane.adopt({ ...plan, listeners: [{ ...listener, scopes: [{ ...scope, rules: [rule] }] }] })
    const ask = async (): Promise<string> => {
      const socket = begin(port)
      socket.end()
      return await readAll(socket)
    }
    const answers = async (count: number) => {
      const seen: Record<string, number> = {}
      for (let each = 0; each < count; each++) {
        const answer = await ask()
        seen[answer] = (seen[answer] ?? 0) + 1
      }
      return seen
    }
    assert.deepEqual(await answers(8), { one: 6, two: 2 })
    const table = plane.observer.generations.table(1)
    assert.ok(table)
    const row = table.endpoints[runOf(table, 1) + EndpointRun.first]
    const slot = slotAt(table.endpoints, row * Endpoint.WORDS)
    setMark(plane.stats.marks, slot, Mark.down)
    assert.deepEqual(await answers(40), { one: 40 })
    clearMark(plane.stats.marks, slot, Mark.down)
    assert.deepEqual(await answers(8), { one: 6, two: 2 })
    await plane.settled()
    const rules = drain(rulesOf(table, readCold(table)))
    const baselines = { of: () => ({ generation: 1, at: '', counts: new Map() }) }
    const counts = new RuleCounts(plane.observer.counted(), rules, baselines as never)
    const shown = counts.delivered(rules.entries[0]).destinations.map(each => ({
      host: each.host,
      connections: each.connections,
      share: each.deliveredShare?.share,
      verdict: each.deliveredShare?.verdict,
      givenAway: each.givenAway,
      takenOver: each.takenOver,
    }))
    assert.deepEqual(shown, [
      { host: 'd0', connections: 52, share: 52 / 56, verdict: 'as-asked', givenAway: 0, takenOver: 10 },
      { host: 'd1', connections: 4, share: 4 / 56, verdict: 'as-asked', givenAway: 10, takenOver: 0 },
    ])
  })
}

function drain<Value>(steps: Generator<void, Value>): Value {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}
