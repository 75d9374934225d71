/** `weir run` as a whole process: what signals and pipes do to it. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, echo, folder, moveIn, routing } from '../control/scene.ts'
import { withoutEpoll } from '../support/epoll.ts'
import { notifyReceiver } from '../support/notify-receiver.ts'
import { freePort } from '../support/sockets.ts'
import { weir } from './kit.ts'

const WEIR = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))

const CONTAINED = fileURLToPath(new URL('../support/as-contained.mjs', import.meta.url))

const scene = (t: TestContext, ...flags: string[]) => sceneOf(t, [WEIR], flags)

type LogLine = { readonly msg: string; readonly admin?: string }
type Setup = { readonly settings?: string; readonly env?: NodeJS.ProcessEnv }

async function sceneOf(t: TestContext, program: string[], flags: string[] = [], setup: Setup = {}) {
  const { settings = 'admin: null', env = {} } = setup
  const [port, backend] = [await freePort(), await echo(t, 'hello')]
  const root = folder(t, { 'a.yaml': routing(port, backend).replace('admin: null', settings) })
  const child = spawn(process.execPath, [...program, 'run', ...flags, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  t.after(() => child.kill('SIGKILL'))
  const records: LogLine[] = []
  const waiting: { text: string; resolve: (line: LogLine) => void }[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    const record = JSON.parse(line) as LogLine
    records.push(record)
    for (const each of waiting) if (record.msg.includes(each.text)) each.resolve(record)
  })
  const logged = (text: string) => {
    const { promise, resolve } = Promise.withResolvers<LogLine>()
    waiting.push({ text, resolve })
    const found = records.find(each => each.msg.includes(text))
    if (found) resolve(found)
    return promise
  }
  await logged('every listener accepts')
  return { port, backend, root, child, records, logged }
}

async function talk(socket: Socket): Promise<string> {
  socket.write('test\n')
  const [data] = await once(socket, 'data')
  return String(data).trim()
}

/** Its code once it has ended, and all that it said is known. */
const exitOf = async (child: ChildProcess): Promise<number | null> => (await once(child, 'close'))[0]

test('SIGUSR1 and SIGUSR2 change nothing; at SIGTERM a lame duck is not ready and serves new connections', async t => {
  const settings = 'admin: {port: 0}, drain: {lameDuck: 1h}'
  const { port, child, logged } = await sceneOf(t, [WEIR], [], { settings })
  const { admin } = await logged('admin at')
  assert.equal((await fetch(`http://${admin}/ready`)).status, 200)
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    child.kill(signal)
    await logged(`${signal} changes nothing`)
  }
  child.kill('SIGTERM')
  await logged('not ready from now on: new connections are served for another 3600 s')
  const ready = await fetch(`http://${admin}/ready`)
  assert.deepEqual([ready.status, ((await ready.json()) as { why: string }).why], [503, 'draining'])
  assert.equal(await ask(port), 'hello test')
  const exit = exitOf(child)
  child.kill('SIGTERM')
  assert.equal(await exit, 143)
})

test('SIGTERM lets a live connection finish, and the service manager is told of start, reload and end', async t => {
  const receiver = notifyReceiver(t)
  const { port, backend, root, child, logged } = await sceneOf(t, [WEIR], [], {
    settings: 'admin: null, drain: {lameDuck: 10ms, timeout: 20s}',
    env: { NOTIFY_SOCKET: receiver.name, WATCHDOG_USEC: '200000', WATCHDOG_PID: '' },
  })
  assert.deepEqual(await receiver.told('READY=1'), ['READY=1', 'STATUS=generation 1: 1 listener'])
  await receiver.told('WATCHDOG=1')
  const socket = connect(port, '127.0.0.1')
  assert.equal(await talk(socket), 'hello test')
  const before = receiver.messages.length
  moveIn(root, 'a.yaml', routing(port, backend).replaceAll('backend.example', 'other.example'))
  const [, since] = await receiver.told('RELOADING=1', before)
  assert.match(since, /^MONOTONIC_USEC=[1-9][0-9]+$/)
  await receiver.told('STATUS=generation 2: 1 listener', before)
  const exit = exitOf(child)
  child.kill('SIGTERM')
  const stopping = ['STOPPING=1', 'STATUS=draining', 'EXTEND_TIMEOUT_USEC=35000000']
  assert.deepEqual(await receiver.told('STOPPING=1'), stopping)
  await logged('draining: 1 connection open, with 30 s to end; a second signal (Ctrl-C) ends at once')
  assert.equal(await talk(socket), 'hello test')
  socket.end()
  assert.equal(await exit, 0)
  const states = receiver.messages.map(([state]) => state).filter(state => state !== 'WATCHDOG=1')
  assert.deepEqual([states[0], states.at(-1)], ['READY=1', 'STOPPING=1'])
  const reloads = states.slice(1, -1)
  assert.ok(reloads.length >= 2) // the watch may begin another, which the end cuts short
  assert.ok(
    reloads.every((state, i) => state === (i % 2 === 0 ? 'RELOADING=1' : 'READY=1')),
    String(states),
  )
})

test('after the drain timeout the rest is reset', async t => {
  const settings = 'admin: null, drain: {lameDuck: 1h}' // not at SIGINT
  const { port, child, records } = await sceneOf(t, [WEIR], ['--drain-timeout', '100ms'], { settings })
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await talk(socket)
  const exit = exitOf(child)
  child.kill('SIGINT')
  assert.equal(await exit, 0)
  assert.ok(records.some(each => each.msg.includes('that were reset: 1')))
})

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`a second ${signal} ends at once with ${code}, and the access log says so`, async t => {
    const log = join(folder(t), 'access.log')
    const { port, child, logged } = await scene(t, '--access-log', log)
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await talk(socket)
    const exit = exitOf(child)
    child.kill('SIGTERM')
    await logged('draining')
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000) // a drain would take 30 s
    assert.equal(await exit, code)
    clearTimeout(late)
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    assert.deepEqual(
      lines.map(line => JSON.parse(line).reason),
      ['stop'],
    )
  })
}

test('a configuration with errors ends with 1, before anything listens', async t => {
  const { code, out } = await weir(['run', '--admin', '127.0.0.1:0', folder(t, { 'a.yaml': 'a: [' })])
  assert.equal(code, 1)
  assert.doesNotMatch(out, /listen/)
})

test('a limit of open files with which no worker starts ends with 1, and says how to raise it', () => {
  const line = 'ulimit -n 40 && exec "$0" "$1" run --workers 1 --no-admin config/examples/port'
  const { status, stdout } = spawnSync('sh', ['-c', line, process.execPath, WEIR], { timeout: 30_000 })
  assert.equal(status, 1)
  assert.match(
    String(stdout),
    /the limit of open files is 40; weir needs at least 80 with 1 worker, and 2 for each connection: raise it with ulimit -n/,
  )
})

test('a signal before the configuration is read ends with 0, and nothing is opened', async t => {
  const root = folder(t, { 'a.yaml': routing(await freePort(), 9) })
  const { code, out } = await weir(['run', '--admin', `127.0.0.1:${await freePort()}`, root], {
    onReady: send => setImmediate(send, 'SIGTERM'),
  })
  assert.equal(code, 0)
  assert.doesNotMatch(out, /admin at|generation|accepts|refused/)
})

test('an admin address that is taken ends with 1, and says what to do', async t => {
  const taken = await echo(t, 'taken')
  const root = folder(t, { 'a.yaml': routing(await freePort(), taken) })
  const { code, out } = await weir(['run', '--admin', `127.0.0.1:${taken}`, root])
  assert.equal(code, 1)
  assert.match(out, /has it: stop that, or choose another place with --admin, or --no-admin/)
})

test('where a container forbids io_uring epoll serves, the log says so, and may lose its reader', {
  skip: withoutEpoll,
}, async t => {
  const { port, child, records } = await sceneOf(t, ['--no-warnings', CONTAINED, WEIR])
  const said = records.map(({ msg }) => msg).filter(msg => msg.startsWith('engine '))
  assert.equal(said.length, 1)
  assert.match(said[0], /^engine epoll \(no io_uring: .*EPERM.*seccomp profile that allows io_uring_setup/)
  child.stdout?.destroy()
  const socket = connect(port, '127.0.0.1')
  assert.equal(await talk(socket), 'hello test')
  socket.destroy()
  const exit = exitOf(child)
  child.kill('SIGTERM')
  assert.equal(await exit, 0)
})
