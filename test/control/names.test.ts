/**
 * Goal: a gateway follows the names of its endpoints, and no connection pays for it. Method: a real
 * gateway with a name server, hosts file and resolv.conf of the test's own, and clients throughout.
 */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Gateway } from '../../src/control/gateway.ts'
import { nameFiles, nameServer } from '../support/name-server.ts'
import { freePort, greet, listen, open, readAll, say, until } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { ask, folder, watchedLog } from './scene.ts'

/** A Gateway on `port`, and a ServiceEntry for each name; all connections go to the first one. */
const config = (port: number, backend: number, names: readonly string[], spec = ''): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
    - port: {number: ${port}, name: tcp, protocol: TCP}
      bind: 127.0.0.1
      hosts: ['*']
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {workers: 1, engine: node, mesh: {capture: none}, admin: null, reload: {guard: warn}${spec}}
---
${names
  .map(
    name => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name.replaceAll('.', '-')}}
spec:
  hosts: [${name}]
  ports: [{number: ${backend}, name: tcp, protocol: TCP}]
  resolution: DNS
---`,
  )
  .join('')}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp:
${names
  .map((host, index) => ({
    match: [{ destinationSubnets: [`192.0.2.${index}`] }],
    route: [to(host, backend)],
  }))
  .concat({ match: [], route: [to(names[0], backend)] })
  .map(route => `    - ${JSON.stringify(route)}`)
  .join('\n')}
`

const to = (host: string, number: number) => ({ destination: { host, port: { number } } })

async function start(t: TestContext, text: string, files: ReturnType<typeof nameFiles>['files']) {
  const root = folder(t, { 'all.yaml': text })
  const watched = watchedLog()
  const gateway = await Gateway.load({
    paths: [root],
    log: watched.log,
    overrides: {},
    threads: THREADS,
    names: files,
  })
  assert.ok(gateway)
  t.after(() => gateway.stop())
  await gateway.serve()
  await watched.logged('ready')
  return { ...watched, gateway, root }
}

/** The same port at two addresses, which say their last number. */
async function backends(t: TestContext) {
  const two = await listen(say('2'), { host: '127.0.0.2' })
  const three = await listen(say('3'), { host: '127.0.0.3', port: two.port })
  t.after(() => Promise.all([two[Symbol.asyncDispose](), three[Symbol.asyncDispose]()]))
  return { port: two.port }
}

test('DNS moves a service: new connections follow, none is lost, open ones stay', async t => {
  const two = await listen(greet('2'), { host: '127.0.0.2' })
  const three = await listen(greet('3'), { host: '127.0.0.3', port: two.port })
  t.after(() => Promise.all([two[Symbol.asyncDispose](), three[Symbol.asyncDispose]()]))
  const [port, dns] = [await freePort(), await nameServer(t)]
  dns.zone.set('db.test', { A: ['127.0.0.2'], AAAA: 'nodata', ttl: 0 })
  const { files } = nameFiles(t, `nameserver ${dns.server}`)
  const { gateway } = await start(t, config(port, two.port, ['db.test']), files)
  const stays = await open(port)
  const greeting = new Promise(resolve => stays.once('data', data => resolve(String(data))))
  assert.equal(await greeting, '2')

  const answers: string[] = []
  let isOver = false
  const clients = Array.from({ length: 4 }, async () => {
    while (!isOver) answers.push(await ask(port))
  })
  dns.zone.set('db.test', { A: ['127.0.0.3'], AAAA: 'nodata', ttl: 0 })
  await until(() => answers.at(-1) === '3')
  dns.zone.set('db.test', { A: 'servfail', AAAA: 'servfail' })
  await until(() => gateway.names.states().next().value?.state === 'stale')
  const before = answers.length
  await until(() => answers.length > before + 20)
  isOver = true
  await Promise.all(clients)
  assert.deepEqual(new Set(answers), new Set(['2', '3']), 'every connection was answered')
  assert.equal(answers.lastIndexOf('2') < answers.length - 20, true)
  assert.equal(gateway.serving?.generation, 1)
  stays.end()
  assert.equal(await readAll(stays), '', 'it has lived through all that')
})

test('a new name of a reload is resolved before its connections come', async t => {
  const { port: backend } = await backends(t)
  const [port, dns] = [await freePort(), await nameServer(t)]
  dns.zone.set('one.test', { A: ['127.0.0.2'], AAAA: 'nodata', ttl: 300 })
  const gate = Promise.withResolvers<void>()
  dns.zone.set('two.test', { A: ['127.0.0.3'], AAAA: 'nodata', ttl: 300, after: gate.promise })
  const { files } = nameFiles(t, `nameserver ${dns.server}`)
  const { root, logged, gateway } = await start(t, config(port, backend, ['one.test']), files)
  assert.equal(await ask(port), '2')
  const asked = dns.next('A two.test')
  writeFileSync(join(root, 'all.yaml'), config(port, backend, ['two.test']))
  await asked
  assert.equal(gateway.serving?.generation, 1)
  gate.resolve()
  await logged('generation 2:')
  assert.equal(await ask(port), '3')
  assert.deepEqual([...gateway.names.known.keys()], ['two.test'], 'the old name is forgotten')
})

test('names that do not resolve: served all the same, told once, in one line', async t => {
  const { port: backend } = await backends(t)
  const [port, dns] = [await freePort(), await nameServer(t)]
  for (const name of ['b.test', 'c.test']) dns.zone.set(name, { A: 'servfail', AAAA: 'servfail' })
  const { files, write } = nameFiles(t, `nameserver ${dns.server}`)
  const names = ['a.test', 'b.test', 'c.test']
  const { gateway, logged, records } = await start(t, config(port, backend, names), files)
  assert.equal(gateway.readiness().ready, true)
  assert.equal(await ask(port), '')
  const { msg, level, count } = await logged('b.test, c.test: does not resolve')
  assert.deepEqual(
    [msg, level, count],
    ['b.test, c.test: does not resolve (SERVFAIL); it has no address', 'warn', 2],
  )
  await logged('a.test: does not resolve (NXDOMAIN); it has no address')
  write('hosts', '127.0.0.2 a.test')
  await logged('a.test: resolves again')
  await until(() => gateway.endpointChanges === 1)
  await until(() => gateway.serving?.plane.status()[0].adopted.endpointsRevision === 1)
  assert.equal(await ask(port), '2')
  assert.equal(records.filter(each => each.msg.includes('b.test')).length, 1)
})

test('dns.servers of the Settings: others than those of resolv.conf, also after a reload', async t => {
  const { port: backend } = await backends(t)
  const [port, one, two] = [await freePort(), await nameServer(t), await nameServer(t)]
  one.zone.set('db.test', { A: ['127.0.0.2'], AAAA: 'nodata', ttl: 300 })
  two.zone.set('db.test', { A: ['127.0.0.3'], AAAA: 'nodata', ttl: 300 })
  const { files } = nameFiles(t, 'nameserver [127.0.0.1]:1')
  const servers = (server: { port: number }): string => `, dns: {servers: ["127.0.0.1:${server.port}"]}`
  const { root, gateway } = await start(t, config(port, backend, ['db.test'], servers(one)), files)
  assert.equal(await ask(port), '2')
  writeFileSync(join(root, 'all.yaml'), config(port, backend, ['db.test'], servers(two)))
  await until(() => gateway.names.known.get('db.test')?.[0] === '127.0.0.3')
  await until(() => gateway.endpointChanges === 1)
})
