/**
 * `weir why` for what the other files cannot end: clients and servers that vanish, which needs a
 * network that loses packets, so a network namespace of the test's own; and connections of a
 * gateway that was told to stop at once, so that only its access log is left to ask.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { scene, talking } from '../admin/scene.ts'
import { folder, routing } from '../control/scene.ts'
import type { Kind } from './endings-kind.ts'
import { clientOf } from './endings-kit.ts'
import { weir } from './kit.ts'
import { askWhy, check, EACH, lineOf, VANISHED } from './why-kit.ts'

const CHILD = fileURLToPath(new URL('../support/vanished-answers.ts', import.meta.url))

const LOSSY = `
ip link set lo up
nft add table inet weir
nft 'add chain inet weir lost { type filter hook output priority 0 ; }'`

const isolated = (script: string) =>
  spawnSync('unshare', ['-n', 'sh', '-ec', script, 'sh', process.execPath, CHILD], {
    encoding: 'utf8',
    timeout: 90_000,
  })

const needs = 'needs unshare -n, ip and nft, and the right to use them'
const skip = isolated(LOSSY).status === 0 ? false : needs

test(`why tells the truth about ${EACH} clients that vanish, and about ${EACH} of a server that does`, {
  skip,
}, () => {
  const { stdout, stderr } = isolated(`${LOSSY}\nexec "$1" --no-warnings "$2"`)
  const lines = stdout.trim().split('\n').filter(Boolean)
  assert.equal(lines.length, VANISHED.length, stderr)
  for (const [index, kind] of VANISHED.entries()) {
    const { reason, facts, answers } = JSON.parse(lines[index])
    assert.deepEqual([reason, answers.length], [kind.reason, EACH])
    for (const one of answers) check(one, kind, facts)
  }
})

const STOP: Kind = { reason: 'stop', by: 'weir', loses: false, act: async () => {} }

for (const format of ['json', 'text']) {
  test(`and, by its access log as ${format}, about ${EACH} of a gateway that was told to stop`, async t => {
    const text = (port: number, backend: number): string =>
      routing(port, backend).replace('metadata: {name: all}', 'metadata: {name: stop}')
    const log = join(folder(t), 'access.log')
    const logged = `admin: null, accessLog: ${JSON.stringify({ path: log, format })}`
    const { port, backend, root, gateway } = await scene(t, (...at) =>
      text(...at).replace('admin: null', logged),
    )
    const from = clientOf(0)
    await Promise.all(Array.from({ length: EACH }, () => talking(t, port, from)))
    await gateway.stop()
    const words = ['--log', log, '--limit', String(EACH + 1), root]
    const { answers, err } = await askWhy(from, ...words)
    assert.equal(answers.length, EACH, err)
    for (const one of answers) {
      check(one, STOP, { from, port, line: lineOf(text(port, backend), STOP), root })
      assert.equal(one.record.file, log)
      assert.equal(one.now.rule.virtualService, 'default/stop')
    }
    // Those of one millisecond are in any order.
    const lines = answers.map(({ record }) => record.line).sort((a, b) => a - b)
    assert.deepEqual(
      lines,
      Array.from({ length: EACH }, (_, index) => index + 1),
    )
    const { out } = await weir(['why', answers[0].connection.client, ...words])
    assert.match(out, /ended .* ago by weir: stop\n {2}record .*access\.log:\d+, accepted at/)
  })
}

test('of a connection whose Gateway is gone, what it was; and now there is none', async t => {
  const { port, backend, where, save, reload } = await scene(t)
  const socket = await talking(t, port)
  const client = `127.0.0.1:${socket.localPort}`
  await save(routing(port, backend).replaceAll('edge', 'inner'))
  assert.equal((await reload()).outcome, 'taken')
  const { code, out } = await weir(['why', client, '--admin', `127.0.0.1:${where.port}`])
  assert.equal(code, 0)
  assert.match(out, /\n {2}rule {6}default\/all tcp\[0\]/)
  assert.match(out, /\n {2}now {7}.*there is no gateway "default\/edge"/)
})
