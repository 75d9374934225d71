/**
 * Goal: what Istio's fields say about endpoints that fail is so on every engine. Method: one worker
 * in front of servers that answer and ports that refuse, one destination for each case; the counts
 * of dials and of reasons. The rules in detail are in outliers.test.ts.
 *
 * Shares among endpoints that are well are in upstream-shares.test.ts: weights, a hash of the
 * client's address, localities, warm-up, PASSTHROUGH.
 */

import assert from 'node:assert/strict'
import { clockOriginMs, monotonicMs } from '../../src/base/clock.ts'
import { ejectedUntilMs, Outlier } from '../../src/stats/outliers.ts'
import { memberSlotAt, runOf } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { DEFAULT_EJECTION, type Ejection, type Policy } from '../../src/table/plan/policy.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { begin, freePort, greet, listen, readAll, say } from '../support/sockets.ts'

const DAY_MS = 86_400_000

/** An ejection outlasts the test. */
const ejecting = (ejection: Partial<Ejection>, policy: Partial<Policy> = {}): Partial<Policy> => ({
  balance: 'ROUND_ROBIN',
  remembersFailures: false,
  ejection: { ...DEFAULT_EJECTION, baseMs: DAY_MS, ...ejection },
  ...policy,
})

const answered = async (port: number): Promise<string> => {
  const socket = begin(port)
  socket.end()
  return await readAll(socket).catch(() => 'reset')
}

for (const { engine, test } of ENGINES)
  test(`${engine}: ejection, its limit, panic, no endpoint left, and a limit of connections`, async () => {
    await using upstream = await listen(say('hi'))
    await using staying = await listen(greet('hi'))
    const gone = [await freePort(), await freePort()].map(port => ({ address: '127.0.0.1', port }))
    const [dead] = gone
    const policies: Record<string, [number, Partial<Policy>]> = {
      never: [1, ejecting({})],
      ejected: [1, ejecting({ maxPercent: 34 })],
      split: [1, ejecting({ maxPercent: 34, failures: 2, gatewayFailures: 0 })],
      panic: [2, ejecting({ maxPercent: 100, failures: 1, minHealthPercent: 50 })],
    }
    // Of three endpoints so many refuse.
    const clusters = Object.entries(policies).map(([host, [count, policy]]) =>
      clusterOf(
        [...gone.slice(0, count), ...Array.from({ length: 3 - count }, () => upstream)],
        policy,
        host,
      ),
    )
    clusters.push(
      clusterOf([dead], ejecting({ maxPercent: 100, failures: 1 }, { connectAttempts: 1 }), 'none'),
      clusterOf([staying], { maxConnections: 2 }, 'limited'),
    )
    const ports = await Promise.all(clusters.map(() => freePort()))
    await using plane = new TestEngine(engine)
    await plane.adopt(
      planOf(
        ports.map((port, row) => listenerOn(port, row)),
        clusters,
      ),
    )
    const failuresIn = async (row: number): Promise<number> => {
      const before = plane.counts.dialFailures
      for (let each = 0; each < 30; each++) assert.equal(await answered(ports[row]), 'hi', clusters[row].host)
      return plane.counts.dialFailures - before
    }
    assert.ok((await failuresIn(0)) > 5, 'one of three is more than 10 %')
    assert.equal(await failuresIn(1), 5)
    assert.equal(await failuresIn(2), 2)
    assert.ok((await failuresIn(3)) > 2, 'in a panic all are used')
    for (let each = 0; each < 3; each++) assert.equal(await answered(ports[4]), 'reset')
    await plane.settled()
    const { closed } = plane.counts
    assert.deepEqual([closed['connect-refused'], closed['no-endpoint']], [1, 2])

    const open = [begin(ports[5]), begin(ports[5])]
    const heard = open.map(
      socket => new Promise(resolve => socket.once('data', bytes => resolve(String(bytes)))),
    )
    assert.deepEqual(await Promise.all(heard), ['hi', 'hi'])
    assert.equal(await answered(ports[5]), 'reset')
    await plane.closed('cluster-max-connections')
    assert.deepEqual(
      open.map(({ destroyed, writable }) => [destroyed, writable]),
      [
        [false, true],
        [false, true],
      ],
    )
    for (const socket of open) socket.destroy()
  })

/** On the clock that the workers share. */
const nowMs = (): number => monotonicMs() + clockOriginMs

/** What is written down of an endpoint of a destination: the records that the workers share. */
function recordOf(plane: TestEngine, cluster: number, index: number) {
  const { outliers } = plane.stats
  const table = plane.observer.generations.table(1)
  assert.ok(table)
  const row = table.endpoints[runOf(table, cluster) + EndpointRun.first] + index
  const slot = memberSlotAt(table.endpoints, row * Endpoint.WORDS)
  const at = slot * Outlier.WORDS
  return {
    ejections: () => outliers.words[at + Outlier.ejections],
    prevented: () => outliers.words[at + Outlier.prevented],
    untilMs: () => ejectedUntilMs(outliers, slot),
    /** As if its time had been up so long ago. */
    isBackSince: (agoMs: number) => {
      outliers.numbers[(at + Outlier.untilMs) / 2] = nowMs() - agoMs
    },
  }
}

for (const { engine, test } of ENGINES)
  test(`${engine}: longer ejections, one of ten, and a connect that succeeds between failures`, async () => {
    await using upstream = await listen(say('hi'))
    const [dead, other, between] = await Promise.all([freePort(), freePort(), freePort()])
    const at = (port: number) => ({ address: '127.0.0.1', port })
    const living = (count: number) => Array.from({ length: count }, () => upstream)
    const envoys = (ejection: Partial<Ejection>, connectAttempts: number) =>
      ejecting({ baseMs: 30_000, intervalMs: 10_000, ...ejection }, { connectAttempts })
    const clusters = [
      clusterOf([at(dead), ...living(1)], envoys({ maxPercent: 50 }, 2), 'longer'),
      clusterOf([at(dead), at(other), ...living(8)], envoys({}, 3), 'ten'),
      clusterOf([at(between)], envoys({ maxPercent: 100 }, 1), 'between'),
    ]
    const ports = await Promise.all(clusters.map(() => freePort()))
    await using plane = new TestEngine(engine)
    await plane.adopt(
      planOf(
        ports.map((port, row) => listenerOn(port, row)),
        clusters,
      ),
    )

    const first = recordOf(plane, 0, 0)
    /** How long the next ejection lasts: of Envoy's 30 s, and until the sweep that follows. */
    const ejectsFor = async (leastMs: number): Promise<void> => {
      const [before, beganMs] = [first.ejections(), nowMs()]
      for (let each = 0; first.ejections() === before; each++) {
        assert.ok(each < 100, 'it is ejected')
        assert.equal(await answered(ports[0]), 'hi')
      }
      const untilMs = first.untilMs()
      assert.ok(untilMs >= beganMs + leastMs, `${untilMs - beganMs} ms, not ${leastMs}`)
      assert.ok(untilMs <= nowMs() + leastMs + 10_000, `${untilMs - beganMs} ms, not ${leastMs}`)
    }
    await ejectsFor(30_000)
    first.isBackSince(0)
    await ejectsFor(60_000)
    first.isBackSince(25_000) // two sweeps in rotation
    await ejectsFor(30_000)

    const ten = [recordOf(plane, 1, 0), recordOf(plane, 1, 1)]
    for (let each = 0; ten.every(record => record.prevented() === 0); each++) {
      assert.ok(each < 500, 'one of them is not ejected')
      assert.equal(await answered(ports[1]), 'hi')
    }
    assert.deepEqual(ten.map(each => each.ejections()).toSorted(), [0, 1], '20 % is more than 10 %')

    const failTimes = async (times: number): Promise<void> => {
      for (let each = 0; each < times; each++) assert.equal(await answered(ports[2]), 'reset')
    }
    await failTimes(4)
    {
      await using _ = await listen(say('back'), { port: between })
      assert.equal(await answered(ports[2]), 'back')
    }
    await failTimes(4)
    const third = recordOf(plane, 2, 0)
    assert.equal(third.ejections(), 0)
    await failTimes(1)
    assert.equal(third.ejections(), 1)
  })
