/**
 * Goal: weir detects a peer that vanishes silently within the configured time, on either side, idle
 * or with unacknowledged bytes. Method: the test's own network namespace, whose nftables rules drop
 * all packets to and from the peer; and the timers that the kernel shows.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { missing } from '../../src/kernel/libc.ts'
import type { TcpTimes } from '../../src/table/plan/policy.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { freePort, greet, listen, open, readBytes } from '../support/sockets.ts'
import { keepaliveIs, keepaliveNow } from '../support/tcp-options.ts'

const CHILD = fileURLToPath(new URL('../support/vanished-plane.ts', import.meta.url))

const LOSSY = `
ip link set lo up
nft add table inet weir
nft 'add chain inet weir lost { type filter hook output priority 0 ; }'`

const isolated = (script: string, ...words: string[]) =>
  spawnSync('unshare', ['-n', 'sh', '-ec', script, 'sh', process.execPath, CHILD, ...words], {
    encoding: 'utf8',
    timeout: 90_000,
  })

const needs = 'needs unshare -n, ip and nft, and the right to use them'
const skip = missing || (isolated(LOSSY).status === 0 ? false : needs)

const tcpOf = (keepalive: TcpTimes['keepalive']): TcpTimes => ({
  keepalive,
  userTimeoutMs: 0,
  writeTimeoutMs: 0,
})

for (const { engine, test } of ENGINES) {
  test(`${engine}: a peer that vanishes is noticed by keepalive, and by a user timeout`, { skip }, () => {
    const { stdout, stderr } = isolated(`${LOSSY}\nexec "$1" --no-warnings "$2" "$3"`, engine)
    const expected = [
      'client, silent: client-lost',
      'client, owed bytes: client-lost',
      'upstream, silent: upstream-lost',
      'upstream, owed bytes: upstream-lost',
    ]
    assert.deepEqual(stdout.trim().split('\n'), expected, stderr)
  })

  test(`${engine}: clients are probed as their listener says, and a new table's word is for new ones`, async t => {
    if (process.platform !== 'linux') return t.skip('reads /proc/self/fd')
    await using upstream = await listen(greet('hi'))
    await using plane = new TestEngine(engine)
    const port = await freePort()
    const adopt = (keepalive: TcpTimes['keepalive']) =>
      plane.adopt(planOf([listenerOn(port, 0, { tcp: tcpOf(keepalive) })], [clusterOf([upstream])]))
    const clients: Socket[] = []
    const connect = async (): Promise<number> => {
      const client = await open(port)
      clients.push(client)
      assert.equal(await readBytes(client, 2), 'hi')
      return Number(client.localPort)
    }
    const [frequent, rare] = [30, 600].map(timeS => ({ timeS, intervalS: 5, probes: 2 }))
    await adopt(frequent)
    const first = await connect()
    await keepaliveIs(first, frequent)
    await adopt(rare)
    const second = await connect()
    await keepaliveIs(second, rare)
    await adopt(null)
    const third = await connect()
    assert.equal(keepaliveNow(third), null)
    assert.deepEqual(keepaliveNow(first), frequent)
    for (const client of clients) client.destroy()
  })
}
