/**
 * Goal: an upstream that resets before a byte has gone either way loses no connection: another
 * endpoint takes it, whether the reset comes as it is connected or later. One that has heard or
 * said something is never replaced. Method: a server that resets at once beside one that speaks
 * first; and, in a network namespace of the test's own, a firewall that resets connections as they
 * are established.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { missing } from '../../src/kernel/libc.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { begin, freePort, greet, listen, readBytes } from '../support/sockets.ts'

const CLIENTS = 20

const CHILD = fileURLToPath(new URL('../support/dropped-plane.ts', import.meta.url))

/** Whoever has answered a SYN of 127.9.9.0/24 is reset instead of acknowledged. */
const RESET = `
ip link set lo up
nft add table inet weir
nft 'add chain inet weir early { type filter hook output priority 0 ; }'
nft 'add rule inet weir early ip daddr 127.9.9.0/24 tcp flags & (syn | ack) == ack reject with tcp reset'`

const isolated = (script: string, ...words: string[]) =>
  spawnSync('unshare', ['-n', 'sh', '-ec', script, 'sh', process.execPath, CHILD, ...words], {
    encoding: 'utf8',
    timeout: 120_000,
  })

const skip =
  missing ||
  fullOnly ||
  (isolated(RESET).status === 0 ? false : 'needs unshare -n, ip and nft, and the right to use them')

for (const { engine, test } of ENGINES) {
  test(`${engine}: who resets before a byte is replaced, who has said or heard one is not`, async () => {
    await using good = await listen(greet('hi'))
    await using resets = await listen(socket => void socket.resetAndDestroy())
    await using says = await listen(socket => void socket.write('so'))
    await using hears = await listen(socket => void socket.once('data', () => socket.resetAndDestroy()))
    await using ends = await listen(socket => void socket.end())
    const policy = { balance: 'ROUND_ROBIN', remembersFailures: false } as const
    const clusters = [
      clusterOf([resets, good], policy, 'first'),
      clusterOf([resets, resets], policy, 'none'),
      clusterOf([says, says], policy, 'says'),
      clusterOf([hears, hears], policy, 'hears'),
      clusterOf([ends, ends], policy, 'ends'),
    ]
    const ports = await Promise.all(clusters.map(() => freePort()))
    await using plane = new TestEngine(engine)
    await plane.adopt(
      planOf(
        ports.map((port, route) => listenerOn(port, route)),
        clusters,
      ),
    )
    for (let each = 0; each < CLIENTS; each++) {
      const socket = begin(ports[0])
      assert.equal(await readBytes(socket, 2), 'hi')
      socket.destroy()
    }
    assert.ok(resets.accepted >= CLIENTS / 2 - 1, `${resets.accepted} resets`)
    await plane.settled()
    assert.equal(plane.counts.closed['upstream-reset'], 0)
    const before = plane.counts.dials
    const isOver = async (port: number, send: string, hears = () => {}): Promise<void> => {
      const socket = begin(port)
      socket.on('error', () => {})
      if (send !== '') socket.write(send)
      socket.on('data', hears).on('end', () => socket.end())
      await new Promise(resolve => socket.once('close', resolve))
      await plane.settled()
    }
    await isOver(ports[1], '')
    assert.equal(plane.counts.dials - before, 2)
    await isOver(ports[2], '', () => {
      for (const socket of says.sockets) socket.resetAndDestroy()
    })
    await isOver(ports[3], 'x')
    assert.equal(plane.counts.closed['upstream-reset'], 3)
    await isOver(ports[4], '')
    assert.equal(plane.counts.dials - before, 5)
    assert.equal(plane.counts.closed['upstream-closed'], 1)
  })

  test(`${engine}: no connection fails where some are reset as they are established`, { skip }, () => {
    const { stdout, stderr } = isolated(
      `${RESET}\nexec "$1" --no-warnings "$2" "$3" "$4" "$5" "$6"`,
      ...[engine, 'ROUND_ROBIN', '20', '20'],
    )
    assert.equal(stdout, '1 of 2: 0 failed\n2 of 5: 0 failed\n', stderr)
  })
}
