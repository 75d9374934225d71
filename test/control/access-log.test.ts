/**
 * Goal: the access log has every connection, and reports when it could not. Method: the whole
 * gateway, files and pipes; every engine runs the same tests.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Gateway } from '../../src/control/gateway.ts'
import { TABLES_KEPT } from '../../src/stats/generations.ts'
import { ENGINES } from '../support/engine.ts'
import { freePort, open, readBytes, until } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { ask, echo, folder, moveIn, routing, watchedLog } from './scene.ts'

type Line = Readonly<Record<string, unknown>> & { readonly reason: string; readonly generation: number }

/** The routing of scene.ts, with an access log besides. */
const logging = (port: number, backend: number, engine: string, accessLog: object): string =>
  routing(port, backend).replace(
    '{workers: 1,',
    `{workers: 1, engine: ${engine}, accessLog: ${JSON.stringify(accessLog)},`,
  )

async function scene(t: TestContext, engine: string, more: object = {}) {
  const backend = await echo(t, 'hello')
  const port = await freePort()
  const path = join(folder(t), 'access.log')
  const config = (accessLog: object = { path, ...more }) => logging(port, backend, engine, accessLog)
  const root = folder(t, { 'a.yaml': config() })
  const { log, logged, records } = watchedLog()
  const gateway = await Gateway.load({ paths: [root], overrides: {}, log, threads: THREADS })
  assert.ok(gateway)
  t.after(() => gateway.stop())
  await gateway.serve()
  await logged('every listener accepts')
  const lines = (file = path): Line[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map(line => JSON.parse(line))
      : []
  return { gateway, port, path, root, config, logged, records, lines }
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: each connection is a line, whatever becomes of it, and none is missing at the end`, async t => {
    const { gateway, port, lines } = await scene(t, engine)
    for (let count = 0; count < 50; count++) assert.equal(await ask(port), 'hello test')
    await until(() => lines().length === 50)
    const reset = await open(port)
    reset.write('x')
    await readBytes(reset, 1)
    reset.resetAndDestroy()
    await until(() => lines().length === 51)
    const kept = await open(port)
    kept.write('y')
    await readBytes(kept, 1)
    await gateway.stop()
    const reasons = lines().map(({ reason }) => reason)
    assert.deepEqual(reasons.length, 52)
    assert.deepEqual([reasons.at(-2), reasons.at(-1)], ['client-reset', 'stop'])
    const [first] = lines()
    assert.equal(first.route_name, 'default/all tcp[0]')
    assert.match(String(first.rule_file), /a\.yaml:\d+$/)
    assert.deepEqual([first.bytes_received, first.bytes_sent], [5, 11])
  })

  test(`${engine}: a line belongs to the generation that decided it, however soon after a reload it comes`, async t => {
    const { port, root, config, logged, lines } = await scene(t, engine)
    assert.equal(await ask(port), 'hello test')
    for (let generation = 2; generation < 12; generation++) {
      const text = config().replace('name: all', `name: all-${generation}`)
      moveIn(root, 'a.yaml', text)
      await logged(`generation ${generation}:`)
      assert.equal(await ask(port), 'hello test')
    }
    await until(() => lines().length === 11)
    for (const { generation, route_name } of lines().slice(1))
      assert.equal(route_name, `default/all-${generation} tcp[0]`)
  })

  test(`${engine}: a long connection has lines while it lives, where that is asked for`, async t => {
    const { port, lines } = await scene(t, engine, { open: true, every: '1s' })
    const long = await open(port)
    long.write('x')
    await readBytes(long, 1)
    await until(() => lines().length >= 3)
    long.end()
    const types = lines().map(line => line.access_log_type)
    assert.deepEqual([types[0], types[1]], ['TcpUpstreamConnected', 'TcpPeriodic'])
    assert.deepEqual(new Set(lines().map(line => line.connection_id)).size, 1)
  })
}

test('a log that begins anew knows the names of connections whose table is long gone', async t => {
  const { port, path, root, config, logged, lines } = await scene(t, 'node')
  const long = await open(port)
  long.write('x')
  await readBytes(long, 1)
  for (let generation = 2; generation <= TABLES_KEPT + 2; generation++) {
    moveIn(root, 'a.yaml', config().replace('name: all', `name: all-${generation}`))
    await logged(`generation ${generation}:`)
  }
  const other = `${path}.other`
  moveIn(root, 'a.yaml', config({ path: other }))
  await logged(`generation ${TABLES_KEPT + 3}:`)
  await until(() => existsSync(other))
  long.end()
  await until(() => lines(other).length === 1)
  assert.equal(lines(other)[0].generation, 1)
  assert.equal(lines(other)[0].route_name, 'default/all tcp[0]')
})

test('a log that was renamed goes on under its name, by itself', async t => {
  const { port, path, lines } = await scene(t, 'node')
  assert.equal(await ask(port), 'hello test')
  await until(() => lines().length === 1)
  renameSync(path, `${path}.1`)
  await until(() => existsSync(path))
  assert.equal(await ask(port), 'hello test')
  await until(() => lines().length === 1)
  assert.equal(lines(`${path}.1`).length, 1)
})

test('a log that cannot be opened is told and tried again, and connections are served', async t => {
  const root = folder(t)
  const port = await freePort()
  const path = join(root, 'missing', 'access.log')
  const config = folder(t, { 'a.yaml': logging(port, await echo(t, 'hello'), 'node', { path }) })
  const { log, logged, records } = watchedLog()
  const gateway = await Gateway.load({ paths: [config], overrides: {}, log, threads: THREADS })
  assert.ok(gateway)
  t.after(() => gateway.stop())
  await gateway.serve()
  await logged('every listener accepts')
  await logged('ENOENT')
  assert.equal(await ask(port), 'hello test')
  await gateway.stop()
  const last = records.findLast(({ msg }) => msg.includes('access log misses'))
  assert.equal(last?.missing, 1)
})

const WEIR = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))

test('a reader that stops holds up the log and nothing else: what is missing is counted, and it ends in time', async t => {
  const port = await freePort()
  const root = folder(t, { 'a.yaml': routing(port, await echo(t, 'hello')) })
  const logPath = join(folder(t), 'log')
  const pipe = join(folder(t), 'pipe')
  spawn('mkfifo', [pipe])
  await until(() => existsSync(pipe))
  const reader = spawn('sh', ['-c', `exec 3<"${pipe}"; echo open; exec sleep 600`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(() => reader.kill('SIGKILL'))
  const holder = spawn('sh', ['-c', `exec 3>"${pipe}"; exec sleep 600`], { stdio: 'ignore' })
  t.after(() => holder.kill('SIGKILL'))
  await once(reader.stdout, 'data')
  const out = spawn(
    'sh',
    [
      '-c',
      `exec "${process.execPath}" "${WEIR}" run --engine node --access-log "${pipe}" "${root}" >"${logPath}"`,
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  t.after(() => out.kill('SIGKILL'))
  await until(() => existsSync(logPath) && readFileSync(logPath, 'utf8').includes('every listener accepts'))
  for (let count = 0; count < 300; count++) assert.equal(await ask(port), 'hello test') // more than the pipe holds
  const exit = once(out, 'exit')
  out.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
  const misses = /"missing":(\d+)/.exec(readFileSync(logPath, 'utf8'))
  assert.ok(Number(misses?.[1]) > 100 && Number(misses?.[1]) <= 300, String(misses?.[0]))
})

test('SIGHUP opens the file anew', async t => {
  const port = await freePort()
  const root = folder(t, { 'a.yaml': routing(port, await echo(t, 'hello')) })
  const path = join(folder(t), 'access.log')
  const child = spawn(process.execPath, [WEIR, 'run', '--access-log', path, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  for await (const chunk of child.stdout) if (String(chunk).includes('every listener accepts')) break
  await until(() => existsSync(path)) // ready does not cover the log, which has its own thread
  renameSync(path, `${path}.1`)
  child.kill('SIGHUP')
  await until(() => existsSync(path))
  assert.equal(await ask(port), 'hello test')
  await until(() => readFileSync(path, 'utf8').includes('client-'))
})
