/**
 * Goal: with some endpoints of a destination dead no connection fails, and hardly one is dialed in
 * vain. Method: real workers in front of endpoints that refuse, and in a network namespace of the
 * test's own that drops their SYNs; short connections one after the other, and a pool that stays
 * open.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { missing } from '../../src/kernel/libc.ts'
import type { Policy } from '../../src/table/plan/policy.ts'
import { blackhole } from '../support/blackhole.ts'
import { clusterOf, ENGINES, listenerOn, planOf, type Target, TestEngine } from '../support/engine.ts'
import { fullOnly, sized } from '../support/full.ts'
import { begin, freePort, greet, listen, open, readAll, readBytes, say, until } from '../support/sockets.ts'

const BALANCES = ['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM'] as const
const SHORT = sized(100, 300)
const POOL = sized(40, 100)

const CHILD = fileURLToPath(new URL('../support/dropped-plane.ts', import.meta.url))

/** SYNs to 127.9.9.0/24 vanish. */
const DROP = `
ip link set lo up
nft add table inet weir
nft 'add chain inet weir dropped { type filter hook output priority 0 ; }'
nft add rule inet weir dropped ip daddr 127.9.9.0/24 drop`

const isolated = (script: string, ...words: string[]) =>
  spawnSync('unshare', ['-n', 'sh', '-ec', script, 'sh', process.execPath, CHILD, ...words], {
    encoding: 'utf8',
    timeout: 120_000,
  })

const skip =
  missing || (isolated(DROP).status === 0 ? false : 'needs unshare -n, ip and nft, and the right to use them')

const nobody = async (): Promise<Target> => ({ address: '127.0.0.1', port: await freePort() })

/**
 * What back-offs of 1 s, 2 s, 4 s … have room for in so many milliseconds, with the first failure.
 */
const mostDials = (ms: number): number => 2 + Math.floor(Math.log2(1 + ms / 1000))

for (const { engine, test } of ENGINES) {
  for (const balance of BALANCES) {
    for (const [dead, all] of [
      [1, 2],
      [2, 5],
    ] as const) {
      test(`${engine}: ${balance}: with ${dead} of ${all} endpoints refusing no connection fails`, async () => {
        await using upstream = await listen(say('hi'), { host: '0.0.0.0' })
        await using pool = await listen(greet('hi'), { host: '0.0.0.0' })
        const refusing = await Promise.all(Array.from({ length: dead }, nobody))
        // The others are one server at addresses of their own.
        const targets = (port: number): Target[] => [
          ...refusing,
          ...Array.from({ length: all - dead }, (_, index) => ({ address: `127.0.0.${index + 1}`, port })),
        ]
        const [shortPort, poolPort] = [await freePort(), await freePort()]
        await using plane = new TestEngine(engine, 2)
        const clusters = [
          clusterOf(targets(upstream.port), { balance }),
          clusterOf(targets(pool.port), { balance }, 'pool'),
        ]
        await plane.adopt(planOf([listenerOn(poolPort, 1), listenerOn(shortPort, 0)], clusters))
        const sockets = await openPool(poolPort)
        for (const socket of sockets) socket.destroy()
        await plane.settled()
        assert.equal(plane.counts.closed['connect-refused'], 0)
        const before = plane.counts
        const started = performance.now()
        for (let each = 0; each < SHORT; each++) assert.equal(await ask(shortPort), 'hi')
        const most = dead * mostDials(performance.now() - started)
        const after = plane.counts
        const failures = after.dialFailures - before.dialFailures
        assert.ok(failures <= most, `${failures} dials failed, not ${most} at most`)
        assert.equal(after.dials, POOL + SHORT + after.dialFailures)
      })
    }
  }

  test(`${engine}: once it is known to be dead an endpoint is dialed once in a back-off, and is in use again when it is back`, async () => {
    await using upstream = await listen(say('hi'))
    const gone = await nobody()
    const port = await freePort()
    await using plane = new TestEngine(engine, 1)
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([gone, upstream])]))
    while (plane.counts.dialFailures === 0) assert.equal(await ask(port), 'hi')
    const known = performance.now()
    for (let each = 0; each < SHORT; each++) assert.equal(await ask(port), 'hi')
    const most = mostDials(performance.now() - known)
    assert.ok(plane.counts.dialFailures <= most, `${plane.counts.dialFailures} failures`)
    await using back = await listen(say('back'), { port: gone.port })
    assert.equal(back.port, gone.port)
    const answers = new Set<string>()
    while (answers.size < 2) answers.add(await ask(port))
    assert.deepEqual(answers, new Set(['hi', 'back']))
  })

  test(`${engine}: a client that leaves during a further dial leaves no count behind`, async () => {
    await using hole = await blackhole()
    const port = await freePort()
    await using plane = new TestEngine(engine, 1)
    const cluster = clusterOf([await nobody(), hole], { balance: 'ROUND_ROBIN' })
    await plane.adopt(planOf([listenerOn(port)], [cluster]))
    const client = await open(port)
    await until(() => plane.counts.dials === 2)
    client.resetAndDestroy()
    await plane.settled()
    assert.deepEqual([plane.counts.closed['client-reset'], plane.counts.dialFailures], [1, 1])
  })

  for (const balance of BALANCES) {
    test(`${engine}: ${balance}: no more with SYNs dropped and a connect timeout of 1 s`, {
      skip: skip || ((balance !== 'LEAST_REQUEST' || engine === 'node') && fullOnly),
    }, () => {
      const { stdout, stderr } = isolated(
        `${DROP}\nexec "$1" --no-warnings "$2" "$3" "$4" "$5" "$6"`,
        ...[engine, balance satisfies Policy['balance'], `${SHORT}`, `${POOL}`],
      )
      assert.equal(stdout, '1 of 2: 0 failed\n2 of 5: 0 failed\n', stderr)
    })
  }
}

/** One connection, with all that it says. */
function ask(port: number): Promise<string> {
  const socket = begin(port)
  socket.end()
  return readAll(socket)
}

/** All at once, and all stay open. */
function openPool(port: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: POOL }, async () => {
      const socket = begin(port)
      assert.equal(await readBytes(socket, 2), 'hi')
      return socket
    }),
  )
}
