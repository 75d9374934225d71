import assert from 'node:assert/strict'
import { closeSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises'
import { Gateway } from '../../src/control/gateway.ts'
import { workingThreads } from '../../src/control/workers/threads.ts'
import { freePort } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { ask, echo, folder, routing, watchedLog } from './scene.ts'

/** A gateway that serves `hello` on `port`, started and ready. */
async function scene(t: TestContext) {
  const port = await freePort()
  const hello = await echo(t, 'hello')
  const root = folder(t, { 'a.yaml': routing(port, hello) })
  const watched = watchedLog()
  const gateway = await Gateway.load({ paths: [root], overrides: {}, log: watched.log, threads: THREADS })
  assert.ok(gateway, JSON.stringify(watched.records))
  t.after(() => gateway.stop())
  await gateway.serve()
  await watched.logged('every listener accepts')
  const save = (text: string, name = 'a.yaml') => {
    writeFileSync(join(root, '.new'), text)
    renameSync(join(root, '.new'), join(root, name))
  }
  return { port, hello, root, save, ...watched, gateway }
}

test('a saved change is taken while running, and the log says what it changed', async t => {
  const { port, save, logged } = await scene(t)
  assert.equal(await ask(port), 'hello test')
  save(routing(port, await echo(t, 'hello-2')))
  const { changed, added, removed, stagesMs } = await logged('generation 2')
  assert.deepEqual(
    { changed, added, removed },
    { changed: ['ServiceEntry default/backend'], added: [], removed: [] },
  )
  assert.deepEqual(Object.keys(stagesMs as object), [
    'read',
    'parse',
    'validate',
    'plan',
    'lint',
    'build',
    'publish',
  ])
  assert.equal(await ask(port), 'hello-2 test')
})

test('a bad change is refused with its line, the last good stays, and the good one after it is taken', async t => {
  const { port, hello, save, logged, records } = await scene(t)
  save(
    `${routing(port, hello)}---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: bad}\nspec: {tcp: 7}\n`,
  )
  await logged('the change is refused')
  assert.ok(records.some(each => each.level === 'error' && typeof each.line === 'number' && each.line > 30))
  assert.equal(await ask(port), 'hello test')
  save(routing(port, await echo(t, 'mended')))
  await logged('generation 2')
  assert.equal(await ask(port), 'mended test')
})

test('a file that is empty for a moment is not taken for a configuration without rules', async t => {
  const { port, root, logged, records } = await scene(t)
  const { promise: read, resolve } = Promise.withResolvers<void>()
  writeFileSync(join(root, 'a.yaml'), '')
  setTimeout(resolve, 250) // longer than the watch waits, shorter than an empty file is held back
  await read
  writeFileSync(join(root, 'a.yaml'), routing(port, await echo(t, 'written')))
  const taken = await logged('generation 2')
  assert.deepEqual(taken.changed, ['ServiceEntry default/backend'])
  assert.equal(records.filter(each => each.msg.startsWith('generation')).length, 2)
})

test('a file that stays empty is refused, until it is deleted', async t => {
  const { root, logged } = await scene(t)
  writeFileSync(join(root, 'b.yaml'), '')
  writeFileSync(join(root, 'a.yaml'), '')
  const { files } = await logged('generation 1 stays')
  assert.deepEqual(files, [join(root, 'a.yaml')])
  rmSync(join(root, 'a.yaml'))
  const { removed } = await logged('generation 2')
  assert.equal((removed as string[]).length, 4)
})

/** A VirtualService of its own for clients of each of `count` networks, which all say the same. */
const manyRules = (count: number): string =>
  Array.from(
    { length: count },
    (_, index) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a-${index}}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp: [{match: [{sourceSubnet: 127.0.${index}.0/24}], route: [{destination: {host: backend.example}}]}]
---`,
  ).join('')

test('a file that is written in parts is never served half, with or without a change at its beginning', async t => {
  const { port, root, save, logged, records } = await scene(t)
  save(manyRules(40), 'rules.yaml')
  await logged('generation 2')
  for (const [generation, text] of [
    [3, manyRules(40).replace('127.0.0.0/24', '127.0.200.0/24')],
    [4, `${manyRules(40)}\n${manyRules(41).slice(manyRules(40).length)}`],
  ] as const) {
    const from = records.length
    const fd = openSync(join(root, 'rules.yaml'), 'w')
    const part = Math.ceil(text.length / 4)
    for (let at = 0; at < text.length; at += part) {
      writeSync(fd, text.slice(at, at + part))
      await pause(300)
      assert.equal(await ask(port), 'hello test')
    }
    closeSync(fd)
    await logged(`generation ${generation}`, from)
    const said = records.slice(from).map(each => each.msg)
    assert.deepEqual(
      said.filter(each => /^generation|removed|not there|refused/.test(each)),
      said.filter(each => each.startsWith(`generation ${generation}`)),
    )
  }
})

test('what is removed is logged as a warning, with its name and the connections that it had', async t => {
  const { port, save, root, logged } = await scene(t)
  save(manyRules(1), 'rules.yaml')
  await logged('generation 2')
  assert.equal(await ask(port), 'hello test')
  rmSync(join(root, 'rules.yaml'))
  const { level, removed } = await logged('removed: VirtualService default/a-0')
  assert.deepEqual([level, removed], ['warn', ['VirtualService default/a-0']])
  const rule = await logged('default/a-0 tcp[0].match[0] is not there any more')
  assert.equal(rule.level, 'warn')
  assert.match(rule.msg, /: it has 0 connections open, 1 in the last minute$/)
})

test('a change of settings that are read once is noted', async t => {
  const { port, hello, save, logged } = await scene(t)
  save(routing(port, hello).replace('workers: 1', 'workers: 2'))
  const { settings } = await logged('takes effect on restart')
  assert.deepEqual(settings, ['workers'])
})

test('a listener that goes closes, one that comes opens', async t => {
  const { hello, save, logged } = await scene(t)
  const port = await freePort()
  save(routing(port, hello))
  await logged('closes')
  await logged(`127.0.0.1:${port} opens`)
})

test('a configuration with errors, or a path that is not there, refuses to start', async t => {
  const { log, records } = watchedLog()
  const root = folder(t, { 'a.yaml': 'a: [' })
  assert.equal(
    await Gateway.load({ paths: [root, join(root, 'missing')], overrides: {}, log, threads: THREADS }),
    null,
  )
  const files = new Set(records.flatMap(each => (each.level === 'error' && each.file ? [each.file] : [])))
  assert.deepEqual([...files].sort(), [join(root, 'a.yaml'), join(root, 'missing')])
})

test('a gateway that is stopped while it compiles has read nothing, and that is no error', async t => {
  const { log, records } = watchedLog()
  const gateway = Gateway.of({ paths: [folder(t, { 'a.yaml': routing(1, 2) })], overrides: {}, log })
  const reading = gateway.read()
  await immediate() // its thread has the task
  await gateway.stop()
  assert.equal(await reading, false)
  assert.deepEqual(records, [])
})

test('a gateway whose workers cannot start says so, and is waited for no longer', async t => {
  const root = folder(t, { 'a.yaml': routing(await freePort(), 9) })
  const { log, records } = watchedLog()
  const module = new URL('./there-is-none.ts', import.meta.url).href
  const threads = { ...THREADS, working: workingThreads({ least: 1, most: 1, module }) }
  const gateway = await Gateway.load({ paths: [root], overrides: {}, log, threads })
  assert.ok(gateway)
  t.after(() => gateway.stop())
  await gateway.serve()
  assert.match((await gateway.failed).message, /there-is-none/)
  assert.ok(records.some(({ msg }) => msg === 'no worker can start: nothing is served'))
  assert.equal(gateway.readiness().ready, false)
})
