/**
 * Goal: the admin listener tells of server names what it tells of addresses: which rule asks for
 * them, where a name goes, what a change would do to connections that asked for one. Metrics never
 * have a name that a client chose.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { weir } from '../cli/kit.ts'
import { extension, hello, hex, host, record, serverName } from '../support/hello.ts'
import { call } from './kit.ts'
import { type Choice, naming, route } from './names-kit.ts'
import { scene } from './scene.ts'

const GREASE = extension(0x1a1a, hex('00'))

/** A client that asks for `name` and has had its first answer. */
async function asking(t: TestContext, port: number, name: string) {
  const socket = connect({ port, host: '127.0.0.1' })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(record(hello([GREASE, serverName(host(name))])))
  await once(socket, 'data')
  return socket
}

test('rules, connections and answers have server names; metrics have none that a client chose', async t => {
  const { get, port, where } = await scene(t, naming)
  await asking(t, port, 'secret.b.test')
  const { body } = await get('/routes')
  assert.deepEqual(
    body.rules.map((each: { serverNames: string[] }) => each.serverNames),
    [['a.test'], ['*.b.test', 'c.test']],
  )
  const { out } = await weir(['routes', '--admin', `127.0.0.1:${where.port}`])
  assert.deepEqual(out.match(/^ {2}sniHosts.*/gm), ['  sniHosts a.test', '  sniHosts *.b.test c.test'])
  const [connection] = (await get('/connections')).body.connections
  assert.deepEqual([connection.serverName, connection.rule.route], ['secret.b.test', 1])
  const explained = async (query: string) => {
    const { outcome, ends, rule } = (await get(`/explain?to=127.0.0.1:${port}${query}`)).body
    return [outcome, ends, rule?.route ?? null]
  }
  assert.deepEqual(await explained('&sni=A.TEST.'), ['route', null, 0])
  assert.deepEqual(await explained('&sni=x.test'), ['no-route', 'no-route', null])
  assert.deepEqual(await explained('&sni='), ['no-route', 'no-sni', null])
  assert.deepEqual(await explained(''), ['no-route', 'not-tls', null])
  const metrics = await call(where, 'GET /metrics', { host: '127.0.0.1' })
  assert.match(String(metrics.body), /istio_tcp_connections_opened_total\{[^\n]*\} 1\n/)
  assert.doesNotMatch(String(metrics.body), /secret/)
})

test('another list of names is a changed rule, and says which connections it would send elsewhere', async t => {
  const { send, port, backend } = await scene(t, naming)
  await asking(t, port, 'a.test')
  await asking(t, port, 'c.test')
  const routes = [route('one', 'a.test', 'c.test'), route('two', '*.b.test')]
  const files = [{ path: 'a.yaml', text: naming(port, backend, { routes }) }]
  const { rules, connections } = (await send('POST /diff', { files })).body.changes
  assert.deepEqual(
    rules.list.map(({ change, before, after }: Record<string, string>) => [change, before, after]),
    [
      [
        'changed',
        'sniHosts a.test → 100 % one.example:9000',
        'sniHosts a.test c.test → 100 % one.example:9000',
      ],
      [
        'changed',
        'sniHosts *.b.test c.test → 100 % two.example:9000',
        'sniHosts *.b.test → 100 % two.example:9000',
      ],
    ],
  )
  assert.deepEqual([connections.open, connections.same, connections.elsewhere], [2, 1, 1])
  const [move] = connections.moves
  assert.deepEqual(
    [move.connections, move.rule, move.from, move.to],
    [1, 'default/all tls[1].match[0]', 'two.example:9000', ['one.example:9000']],
  )
  const narrower = { files: [{ path: 'a.yaml', text: naming(port, backend, { servers: ['a.test'] }) }] }
  const after = (await send('POST /diff', narrower)).body.changes.connections
  assert.deepEqual([after.same, after.refused], [1, 1], 'no server takes c.test any more')
})

test('the guard knows which connections with a name lose their destination, or their server', async t => {
  const { port, backend, save, logged, ...running } = await scene(t, naming)
  await asking(t, port, 'a.test')
  await asking(t, port, 'c.test')
  await asking(t, port, 'x.b.test')
  const reload = async (choice: Choice) => {
    save(naming(port, backend, choice))
    return await running.reload()
  }
  const gone = await reload({ entries: ['one'] })
  assert.deepEqual([gone.outcome, gone.loses.rules, gone.loses.open], ['guarded', 1, 2])
  const routed = await reload({ routes: [route('one', 'a.test')] })
  assert.deepEqual([routed.outcome, routed.loses.open], ['taken', 2], 'a removed rule is told, not refused')
  const narrower = await reload({ servers: ['a.test'], routes: [route('one', 'a.test')] })
  assert.deepEqual([narrower.outcome, narrower.loses.listeners, narrower.loses.open], ['taken', 1, 2])
  await logged('has no server any more for 2 of 3 open connections')
  const same = await reload({ servers: ['a.test', 'd.test'], routes: [route('one', 'a.test')] })
  assert.deepEqual([same.outcome, same.loses], ['taken', null], 'they had no server before')
})
