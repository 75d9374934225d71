/** Certificates while serving: found, missing, renewed, and never told. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { Gateway } from '../../src/control/gateway.ts'
import { Authority, type Issued } from '../support/authority.ts'
import { freePort } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { echo, folder, routing, watchedLog } from './scene.ts'

const authority = new Authority('test')
const issue = (until = 365): Issued => authority.issue({ names: ['a.test'], until })

/** The Gateway's server is of TLS, with these settings. */
const terminating = (port: number, backend: number, tls: string): string =>
  routing(port, backend).replace(
    'protocol: TCP}\n      bind',
    `protocol: TLS}\n      tls: ${tls}\n      bind`,
  )

const secretOf = ({ cert, key }: Issued): string =>
  `---\napiVersion: v1\nkind: Secret\nmetadata: {name: cert}\nstringData: ${JSON.stringify({ 'tls.crt': cert, 'tls.key': key })}\n`

/** Writes a folder as a kubelet mounts a Secret: `..data` is a link that is swapped. */
function mount(root: string, { cert, key }: Issued): void {
  const stamp = `..${process.hrtime.bigint()}`
  mkdirSync(join(root, stamp), { recursive: true })
  writeFileSync(join(root, stamp, 'tls.crt'), cert)
  writeFileSync(join(root, stamp, 'tls.key'), key)
  symlinkSync(stamp, join(root, '..data_tmp'))
  renameSync(join(root, '..data_tmp'), join(root, '..data'))
  for (const name of ['tls.crt', 'tls.key']) {
    rmSync(join(root, name), { force: true })
    symlinkSync(join('..data', name), join(root, name))
  }
}

type Scene = ReturnType<typeof watchedLog> & {
  readonly port: number
  readonly root: string
  readonly certs: string
  readonly gateway: Gateway
  readonly save: (text: string) => void
}

/** A gateway of `textOf`, started. */
async function scene(
  t: TestContext,
  textOf: (port: number, backend: number, certs: string) => string,
  first: Issued | null = null,
): Promise<Scene> {
  let gateway: Gateway | null = null
  t.after(() => gateway?.stop()) // first, as hooks run in their order: before its folders go
  const port = await freePort()
  const backend = await echo(t, 'hello')
  const root = folder(t)
  const certs = folder(t)
  if (first) mount(certs, first)
  const save = (text: string) => {
    writeFileSync(join(root, '.new'), text)
    renameSync(join(root, '.new'), join(root, 'a.yaml'))
  }
  save(textOf(port, backend, certs))
  const watched = watchedLog()
  const overrides = { engine: 'epoll' } as const
  gateway = await Gateway.load({ paths: [root], overrides, log: watched.log, threads: THREADS })
  assert.ok(gateway, JSON.stringify(watched.records))
  await gateway.serve()
  await watched.logged('every listener accepts')
  return { port, root, certs, gateway, save, ...watched }
}

/** A connection that has spoken once; its certificate's serial number, or the error. */
async function ask(
  t: TestContext,
  port: number,
): Promise<{ socket: TLSSocket; said: string; serial: string }> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1', servername: 'a.test', ca: authority.cert })
  t.after(() => socket.destroy())
  socket.on('secureConnect', () => socket.write('test\n'))
  socket.on('data', data => resolve(String(data).trim()))
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  socket.on('close', () => resolve('closed'))
  const said = await promise
  return { socket, said, serial: socket.getPeerCertificate()?.serialNumber ?? '' }
}

const serialOf = ({ serial }: Issued): string => serial.toString('hex').toUpperCase()

const byFiles = (port: number, backend: number, certs: string): string =>
  terminating(
    port,
    backend,
    `{mode: SIMPLE, serverCertificate: ${certs}/tls.crt, privateKey: ${certs}/tls.key}`,
  )

test('files are watched with their links; open connections go on', async t => {
  const [old, renewed] = [issue(), issue()]
  const { port, certs, logged, gateway } = await scene(t, byFiles, old)
  const before = await ask(t, port)
  assert.deepEqual([before.said, before.serial], ['hello test', serialOf(old)])
  mount(certs, renewed)
  await logged('another certificate, until')
  const after = await ask(t, port)
  assert.deepEqual([after.said, after.serial], ['hello test', serialOf(renewed)])
  before.socket.write('again\n')
  const [again] = await once(before.socket, 'data')
  assert.equal(String(again).trim(), 'hello again')
  assert.equal(gateway.serving?.generation, 1, 'no generation for it')
  assert.deepEqual(
    gateway.credentials.certificates.map(({ names, uses }) => [names, uses]),
    [[['a.test'], ['Gateway default/edge servers[0]']]],
  )
})

test('a pair that does not fit or is expired does not replace a good one', async t => {
  const good = issue()
  const { port, certs, logged, gateway } = await scene(t, byFiles, good)
  mount(certs, { ...issue(), key: issue().key })
  await logged('not taken, the last good one stays')
  assert.equal((await ask(t, port)).serial, serialOf(good))
  assert.deepEqual(
    gateway.credentials.stale.map(({ use }) => use),
    ['Gateway default/edge servers[0]'],
  )
  mount(certs, issue(-0.5))
  await logged('expired at')
  assert.equal((await ask(t, port)).serial, serialOf(good))
  assert.equal(gateway.readiness().ready, true)
})

test('an expired pair is served at the start, with an error', async t => {
  const expired = issue(-0.5)
  const { port, records } = await scene(t, byFiles, expired)
  assert.ok(records.some(each => each.level === 'error' && each.msg.includes('served all the same')))
  const { said } = await ask(t, port)
  assert.equal(said, 'CERT_HAS_EXPIRED')
})

test('a server without a certificate stays closed until it has one, and /ready says why', async t => {
  const { port, certs, logged, gateway } = await scene(t, byFiles)
  assert.notEqual((await ask(t, port)).said, 'hello test')
  const { ready, why, closed } = gateway.readiness()
  assert.deepEqual(
    [ready, why, closed[0].server],
    [false, 'no-certificate', 'Gateway default/edge servers[0]'],
  )
  assert.match(closed[0].why, /tls\.crt cannot be read: ENOENT/)
  mount(certs, issue())
  await logged('its certificate can be used now')
  assert.equal((await ask(t, port)).said, 'hello test')
  assert.equal(gateway.readiness().ready, true)
})

test('a Secret is renewed without a generation, and a missing one refuses the change', async t => {
  const [old, renewed] = [issue(), issue()]
  const textOf = (port: number, backend: number) =>
    terminating(port, backend, '{mode: SIMPLE, credentialName: cert}')
  let text = ''
  const { port, save, logged, gateway, records } = await scene(t, (port, backend) => {
    text = textOf(port, backend)
    return text + secretOf(old)
  })
  assert.equal((await ask(t, port)).serial, serialOf(old))
  save(text + secretOf(renewed))
  await logged('another certificate, until')
  assert.equal((await ask(t, port)).serial, serialOf(renewed))
  assert.equal(gateway.serving?.generation, 1)
  save(text.replace('credentialName: cert', 'credentialName: other') + secretOf(renewed))
  await logged('the change is refused')
  assert.equal((await ask(t, port)).serial, serialOf(renewed), 'the old one is still served')
  assert.ok(records.some(each => each.msg.includes('Secret default/other is not among the resources')))
  const logs = JSON.stringify(records)
  for (const { key } of [old, renewed]) assert.ok(!logs.includes(key.split('\n')[1].slice(0, 20)))
  const { compiled, table } = gateway.serving ?? {}
  assert.ok(compiled && table)
  const routingText = Buffer.from(new Uint8Array(table.buffers.routing)).toString('latin1')
  assert.ok(!routingText.includes('PRIVATE KEY'))
  assert.ok(!JSON.stringify(compiled.resources).includes(renewed.key.split('\n')[1].slice(0, 20)))
})
