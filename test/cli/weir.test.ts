/** The executable under a Node that is too old, played by a script that only prints so. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { echo, folder, routing } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'

const WEIR = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))
const BUNDLED = new URL(
  `../../node_modules/node-${process.platform}-${process.arch}/bin/node`,
  import.meta.url,
)
const OLD = [
  '--import',
  `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'18.1.0'})`,
]
const skip = existsSync(BUNDLED) ? false : 'no Node comes with the package on this platform'

test('an old Node hands over to the one that came with the package', { skip }, () => {
  const { status, stdout } = spawnSync(process.execPath, [...OLD, WEIR, '--version'])
  assert.equal(status, 0)
  assert.match(String(stdout), /^\d+\.\d+\.\d+\n$/)
})

test('SIGUSR1 opens no debugger while weir starts', async t => {
  const silent = createServer(socket => socket.on('error', () => {}))
  const port: number = await new Promise(resolve =>
    silent.listen(0, '127.0.0.1', () => resolve((silent.address() as AddressInfo).port)),
  )
  t.after(() => silent.close())
  const words = [WEIR, 'run', '--admin', `127.0.0.1:${port}`, 'config/examples/port']
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  // It asks who has the place of its admin listener before anything else.
  silent.once('connection', () => child.kill('SIGUSR1'))
  const exit = once(child, 'exit')
  assert.equal(await text(child.stderr), '')
  assert.deepEqual(await exit, [1, null])
})

test('what a slow reader of a pipe has not taken yet is not cut off by the exit', async t => {
  const count = 2_000
  const line = '{"gateway":"edge","destination":{"ip":"127.0.0.1","port":9000}}\n'
  const root = folder(t, { 'a.yaml': routing(9000, 9001), 'batch.jsonl': line.repeat(count) })
  const words = ['explain', join(root, 'a.yaml'), '--batch', join(root, 'batch.jsonl'), '--output', 'json']
  const child = spawn(process.execPath, [WEIR, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  assert.equal((await text(child.stdout)).split('\n').length, count + 1)
})

test('a pipe that is named is read', t => {
  const root = folder(t, { 'a.yaml': 'kind: 7' })
  const line = `cat "${join(root, 'a.yaml')}" | "${process.execPath}" "${WEIR}" check /dev/stdin`
  const { status, stdout } = spawnSync('sh', ['-c', line])
  assert.match(String(stdout), /^\/dev\/stdin:1:7: error CFG022:/m)
  assert.equal(status, 1)
})

test('signals and exit codes pass through', { skip }, async t => {
  const root = folder(t, { 'a.yaml': routing(await freePort(), await echo(t, 'hello')) })
  const child = spawn(process.execPath, [...OLD, WEIR, 'run', root], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  child.stdout.on('data', data => String(data).includes('every listener accepts') && child.kill('SIGTERM'))
  assert.match(await text(child.stdout), /"drained/)
  assert.equal((await exit)[0], 0)
})

test('a gateway behind an old Node drains when that is killed', { skip }, async t => {
  const root = folder(t, { 'a.yaml': routing(await freePort(), await echo(t, 'hello')) })
  const child = spawn(process.execPath, [...OLD, WEIR, 'run', root], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.on('data', data => {
    if (!String(data).includes('every listener accepts')) return
    const gateway = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
    const late = setTimeout(() => process.kill(gateway, 'SIGKILL'), 20_000)
    child.stdout.on('end', () => clearTimeout(late))
    child.kill('SIGKILL')
  })
  assert.match(await text(child.stdout), /"drained/) // and nobody has the pipe any more
})

test('a gateway serves on when another program closes its channel', async t => {
  const port = await freePort()
  const root = folder(t, { 'a.yaml': routing(port, await echo(t, 'hello')) })
  const child = spawn(process.execPath, [WEIR, 'run', root], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, MALLOC_TRIM_THRESHOLD_: '65536' }, // it need not begin again, without its channel
  })
  t.after(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  let client: Socket | undefined
  let said = ''
  for await (const data of child.stdout as Readable) {
    said += data
    if (!client && said.includes('every listener accepts')) {
      client = connect(port, '127.0.0.1')
      client.write('here')
      await once(client, 'data')
      child.disconnect()
      child.kill('SIGTERM') // the first of two would let the connection end
    }
    if (said.includes('draining:')) client?.destroy()
  }
  assert.deepEqual(await exit, [0, null])
})

test('without one it says in one line what it needs, and 2', t => {
  const root = folder(t, { 'weir.mjs': readFileSync(WEIR, 'utf8') })
  const { status, stderr } = spawnSync(process.execPath, [...OLD, join(root, 'weir.mjs')])
  assert.equal(status, 2)
  assert.equal(String(stderr), 'weir needs Node.js 26.10 or newer; this is 18.1.0\n')
})
