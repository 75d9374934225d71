/**
 * Goal: what Istio's fields say about endpoints that fail is so on every engine. Method: one worker
 * in front of servers that answer and ports that refuse, one destination for each case; the counts
 * of dials and of reasons. The rules in detail are in outliers.test.ts.
 */

import assert from 'node:assert/strict'
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
