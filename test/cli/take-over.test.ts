/**
 * `weir run --take-over` as processes: the admin listener is handed over, the service manager is
 * told, and whoever may not, or cannot, take over leaves the running one alone.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Gateway } from '../../src/control/gateway.ts'
import { Claim } from '../../src/control/take-over/claim.ts'
import { PROTOCOL } from '../../src/control/take-over/messages.ts'
import { missing } from '../../src/kernel/libc.ts'
import { call } from '../admin/kit.ts'
import { ask, echo, folder, routing, watchedLog } from '../control/scene.ts'
import { fullOnly } from '../support/full.ts'
import { notifyReceiver } from '../support/notify-receiver.ts'
import { freePort, open, readBytes } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { weir } from './kit.ts'

const WEIR = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))
const NOBODY = 65_534
const NEEDS_FFI = { skip: missing !== '' && `needs node:ffi: ${missing}` }

type Setup = { readonly env?: NodeJS.ProcessEnv; readonly uid?: number }
type Started = {
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
  readonly logged: (text: string) => Promise<string>
}

function start(t: TestContext, root: string, flags: readonly string[], { env, uid }: Setup = {}): Started {
  const child = spawn(process.execPath, [WEIR, 'run', '--log-format', 'json', ...flags, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  t.after(() => child.kill('SIGKILL'))
  const said: string[] = []
  let isOver = false
  let grown = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', line => {
    said.push((JSON.parse(line) as { msg: string }).msg)
    grown.resolve()
    grown = Promise.withResolvers()
  })
  const exit = once(child, 'close').then(([code]) => {
    // its last words come after 'exit'
    isOver = true
    grown.resolve()
    return code as number | null
  })
  const logged = async (text: string): Promise<string> => {
    for (;;) {
      const found = said.find(each => each.includes(text))
      if (found !== undefined) return found
      assert.ok(!isOver, `it has ended: ${said.join('; ')}`)
      await grown.promise
    }
  }
  return { child, logged, exit }
}

/** Files whose gateway serves at `port`, with the admin listener that `admin` says. */
async function files(t: TestContext, admin: string) {
  const [port, backend] = [await freePort(), await echo(t, 'hello')]
  const root = folder(t, { 'a.yaml': routing(port, backend).replace('admin: null', `admin: ${admin}`) })
  return { port, root }
}

test(
  'the admin’s UNIX socket, the unit and the connections pass from process to process',
  NEEDS_FFI,
  async t => {
    const place = join(folder(t), 'weir.sock')
    const { port, root } = await files(t, 'null')
    const admin = ['--admin', `unix:${place}`]
    const receiver = notifyReceiver(t)
    const env = { NOTIFY_SOCKET: receiver.name }
    const first = start(t, root, [...admin, '--take-over'], { env })
    await first.logged(`no weir runs with the admin listener unix:${place}: there is nothing to take over`)
    await receiver.told('READY=1')
    const client = await open(port)
    const second = start(t, root, admin, { env: { WEIR_RUN_TAKE_OVER: 'true', ...env } })
    await second.logged(`took over from process ${first.child.pid}, which drains`)
    const told = await receiver.told(`MAINPID=${second.child.pid}`)
    assert.deepEqual(told.slice(0, 2), [`MAINPID=${second.child.pid}`, 'READY=1'])
    await first.logged(`process ${second.child.pid} serves from now on: this one drains`)
    client.write('test')
    assert.equal(await readBytes(client, 10), 'hello test')
    client.destroy()
    assert.equal(await first.exit, 0)
    assert.ok(!receiver.messages.some(([line]) => line === 'STOPPING=1'), 'the unit goes on')
    assert.equal(statSync(place).mode & 0o777, 0o600)
    assert.equal((await call({ path: place }, 'GET /ready', {})).status, 200)
    assert.equal(await ask(port), 'hello test')
    second.child.kill('SIGTERM')
    assert.equal(await second.exit, 0)
    assert.equal(existsSync(place), false)
  },
)

test('while the admin’s port passes on, each probe is answered', {
  skip: NEEDS_FFI.skip || fullOnly,
}, async t => {
  const { root } = await files(t, `{port: ${await freePort()}}`)
  const first = start(t, root, [])
  const said = await first.logged('admin at')
  await first.logged('every listener accepts')
  const port = Number(/:(\d+)\//.exec(said)?.[1])
  let isOver = false
  const statuses: number[] = []
  const probing = (async () => {
    for (; !isOver; await pause(20))
      statuses.push((await call({ port, host: '127.0.0.1' }, 'GET /ready', {})).status)
  })()
  const second = start(t, root, ['--take-over'])
  await second.logged('took over from process')
  assert.equal(await first.exit, 0)
  isOver = true
  await probing
  assert.deepEqual(new Set(statuses), new Set([200]))
})

test('a process of another user may not take over', {
  skip: NEEDS_FFI.skip || fullOnly || (process.getuid?.() !== 0 && 'only root can be another user'),
}, async t => {
  const { port, root } = await files(t, `{port: ${await freePort()}}`)
  chmodSync(root, 0o755)
  const first = start(t, root, [])
  await first.logged('every listener accepts')
  const second = start(t, root, ['--take-over'], { uid: NOBODY })
  const own = process.getuid?.()
  const refusal = `a process of user ${NOBODY} may not take over from one of user ${own}`
  await second.logged(refusal)
  assert.equal(await second.exit, 1)
  await first.logged(refusal)
  assert.equal(await ask(port), 'hello test')
})

test('if the old process is killed in the middle, the new one serves', NEEDS_FFI, async t => {
  const { port, root } = await files(t, `{port: ${await freePort()}}`)
  const first = start(t, root, [])
  const admin = Number(/:(\d+)\//.exec(await first.logged('admin at'))?.[1])
  await first.logged('every listener accepts')
  const { log, records } = watchedLog()
  const gateway = await Gateway.load({ paths: [root], overrides: {}, log, threads: THREADS })
  assert.ok(gateway, JSON.stringify(records))
  t.after(() => gateway.stop())
  const headers = { host: 'localhost', 'content-type': 'application/json' }
  const where = { port: admin, host: '127.0.0.1' }
  const refused = await call(where, 'POST /take-over', headers, '{"protocol":999}')
  assert.deepEqual([refused.status, refused.body.code], [409, 'take-over-protocol'])
  const { body } = await call(where, 'POST /take-over', headers, JSON.stringify({ protocol: PROTOCOL }))
  const again = await call(where, 'POST /take-over', headers, JSON.stringify({ protocol: PROTOCOL }))
  assert.deepEqual([again.status, again.body.code], [409, 'take-over-under-way'])
  const claim = Claim.connect(body.socket)
  assert.ok(typeof claim !== 'string', String(claim))
  assert.equal(claim.pid, first.child.pid)
  assert.equal(await claim.receive(gateway.places), '')
  first.child.kill('SIGKILL')
  await first.exit
  const waiting = await open(port)
  waiting.write('test')
  assert.equal(await gateway.serve(claim), '')
  assert.equal(await claim.serving(), '')
  assert.ok(claim.isAlone)
  assert.equal(await readBytes(waiting, 10), 'hello test')
  waiting.destroy()
})

test('without an admin listener, or where another program is, there is nothing to take over', async t => {
  const { root } = await files(t, 'null')
  const without = await weir(['run', '--take-over', '--no-admin', root])
  assert.equal(without.code, 1)
  assert.match(without.out, /--take-over finds the running weir by the admin listener/)
  const other = createServer(socket => socket.end('SSH-2.0\r\n')).listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const { code, out } = await weir(['run', '--take-over', '--admin', `127.0.0.1:${port}`, root])
  assert.equal(code, 1)
  assert.match(out, /the admin listener cannot open .* has it/)
})
