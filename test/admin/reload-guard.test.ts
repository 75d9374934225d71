// Goal: a change that takes a destination from rules costs a message, not an outage; reported,
// counted, and accepted on demand.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { weir } from '../cli/kit.ts'
import { ask, moveIn, moveOut } from '../control/scene.ts'
import { guarded, type Parts } from '../support/guarded.ts'
import { scene, talking } from './scene.ts'

async function guardedScene(t: TestContext, guard = 'refuse') {
  let parts: Parts = {}
  const running = await scene(t, (port, backend) => {
    parts = guarded(port, backend, guard)
    return Object.values(parts).join('---')
  })
  // One file each from here on; the same resources.
  for (const [name, text] of Object.entries(parts)) moveIn(running.root, name, text)
  moveOut(running.root, 'a.yaml')
  await running.send('POST /reload', {})
  const { root, where } = running
  return {
    ...running,
    parts,
    remove: (name: string) => moveOut(root, name),
    write: (name: string, text: string) => moveIn(root, name, text),
    restore: (name: string) => moveIn(root, name, parts[name]),
    cli: (...words: string[]) => weir([...words, '--admin', `127.0.0.1:${where.port}`]),
    metric: async (name: string) => {
      const { body } = await running.get('/metrics')
      return Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(body)?.[1])
    },
  }
}

test('a deleted DestinationRule is refused: nobody notices but the operator, who may insist', async t => {
  const { port, remove, restore, reload, cli, get, send, metric, records, where } = await guardedScene(t)
  const open = [
    await talking(t, port, '127.0.10.1'),
    await talking(t, port, '127.0.20.1'),
    await talking(t, port, '127.0.30.1'),
  ]
  const generation = await metric('weir_generation')
  remove('subsets.yaml')
  const refused = await reload()
  assert.equal(refused.outcome, 'guarded')
  assert.deepEqual(refused.loses, {
    rules: 3,
    listeners: 0,
    destinations: 0,
    policies: 0,
    endpoints: 0,
    open: 3,
    lastMinute: 3,
  })
  assert.equal(refused.note, '3 rules, 3 connections open, 3 in the last minute')
  const rules = refused.findings.filter((each: { code: string }) => each.code === 'CFG470')
  assert.deepEqual(
    rules.map((each: { severity: string; file: string; line: number; resource: string }) => [
      each.severity,
      each.file.endsWith('routes.yaml'),
      each.line,
      each.resource,
    ]),
    [9, 12, 15].map(line => ['error', true, line, 'VirtualService default/shop']),
  )
  assert.match(
    rules[0].message,
    /^default\/shop tcp\[0\]\.match\[0\] .*shop\.example:9000 subset v1 any more; 1 connection open/,
  )

  // Everything is served as before, and the refusal is visible everywhere.
  assert.equal(await metric('weir_generation'), generation)
  assert.equal(await metric('weir_config_last_reload_successful'), 0)
  assert.equal(await metric('weir_routes_unserved'), 0)
  assert.equal((await get('/ready')).status, 200)
  const { body } = await get('/reloads')
  assert.ok([1, 2].includes(body.counts.guarded), 'the watch may have read the files, too')
  assert.equal(await metric('weir_config_reloads_total{outcome="guarded"}'), body.counts.guarded)
  assert.equal(body.reloads[0].outcome, 'guarded')
  assert.equal(body.reloads[0].checksum, refused.checksum)
  for (const from of ['127.0.10.1', '127.0.20.1', '127.0.30.1'])
    assert.equal(await ask(port, '127.0.0.1', from), 'hello test')
  for (const socket of open) assert.equal(socket.destroyed, false)
  const told = records.find(each => each.msg.includes(`weir reload --accept ${refused.checksum}`))
  assert.equal(told?.level, 'error')

  // The command says the same.
  const again = await cli('reload')
  assert.equal(again.code, 1)
  assert.match(
    again.out,
    /^guarded: generation \d+ stays\n {2}3 rules, 3 connections open, \d+ in the last minute\n/,
  )
  assert.ok(again.out.includes(`weir reload --accept ${refused.checksum}\n`))

  // Mended, it is as if nothing had been.
  restore('subsets.yaml')
  const mended = await cli('reload')
  assert.deepEqual([mended.code, mended.out], [0, `unchanged: generation ${generation} equals the files\n`])
  assert.equal(await metric('weir_config_last_reload_successful'), 1)

  // Whoever has seen what it costs may take it, but not what the files have become meanwhile.
  remove('subsets.yaml')
  const { checksum } = await reload()
  assert.equal(checksum, refused.checksum)
  const other = await cli('reload', '--accept', 'f'.repeat(64))
  assert.equal(other.code, 1)
  assert.match(other.err, /the files are not those of checksum f+ any more: now it is \w+, which is guarded/)
  const taken = await cli('reload', '--accept', checksum)
  assert.equal(taken.code, 0)
  assert.match(taken.out, /^taken: generation \d+ is served\n {2}3 rules, /)
  assert.equal(await metric('weir_routes_unserved'), 3)
  assert.equal(await metric('weir_config_last_reload_successful'), 1)
  assert.equal(await ask(port, '127.0.0.1', '127.0.10.1'), '')

  // And back: what was not served before is not lost by the next change.
  restore('subsets.yaml')
  assert.equal((await reload()).outcome, 'taken')
  assert.equal(await metric('weir_routes_unserved'), 0)
  assert.equal(await ask(port, '127.0.0.1', '127.0.10.1'), 'hello test')
  const strict = await send('POST /reload', { accept: checksum, force: true })
  assert.deepEqual([strict.status, strict.body.code], [400, 'unknown-field'])
  assert.equal((await send('POST /reload', { accept: 'abc' })).status, 400)
  // As `curl -X POST` sends it.
  const bare = await fetch(`http://127.0.0.1:${where.port}/reload`, { method: 'POST' })
  assert.deepEqual([bare.status, JSON.parse(await bare.text()).outcome], [200, 'unchanged'])
})

test('the guard is that of what is served: warn disarms it from the next change on, and strict protects more', async t => {
  const { write, remove, restore, reload, parts, metric, records } = await guardedScene(t)
  const settings = (guard: string) => parts['settings.yaml'].replace('guard: refuse', `guard: ${guard}`)
  // A change cannot disarm the guard that it meets.
  write('settings.yaml', settings('warn'))
  remove('subsets.yaml')
  assert.equal((await reload()).outcome, 'guarded')
  restore('subsets.yaml')
  assert.equal((await reload()).outcome, 'taken')
  remove('subsets.yaml')
  const { outcome, loses, findings } = await reload()
  assert.deepEqual(
    [outcome, loses.rules, findings[0].code, findings[0].severity],
    ['taken', 3, 'CFG470', 'warning'],
  )
  assert.equal(await metric('weir_routes_unserved'), 3)
  assert.ok(
    records.some(each => each.level === 'warn' && each.msg === 'removed: DestinationRule default/shop'),
  )
  restore('subsets.yaml')
  write('settings.yaml', settings('strict'))
  assert.equal((await reload()).outcome, 'taken')
  remove('routes.yaml')
  const idle = await reload()
  assert.deepEqual([idle.outcome, idle.loses.rules], ['taken', 3], 'nobody has connected')
})

test('at the start there is nothing to keep: what is there is served, with a warning', async t => {
  const { port, get, records } = await scene(t, (port, backend) => {
    const { 'subsets.yaml': _, ...rest } = guarded(port, backend)
    return Object.values(rest).join('---')
  })
  const told =
    '3 rules have a destination that nothing defines: connections to it are reset (unknown-destination)'
  assert.equal(records.find(each => each.msg === told)?.level, 'warn')
  assert.equal(await ask(port, '127.0.0.1', '127.0.10.1'), '')
  assert.equal((await get('/reloads')).body.reloads[0].outcome, 'taken')
})
