/** Comparison of other files with the served ones. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { moveIn, routing } from '../control/scene.ts'
import { sized } from '../support/full.ts'
import { call } from './kit.ts'
import { reading, scene, talking } from './scene.ts'

const files = (text: string) => ({ files: [{ path: 'new.yaml', text }] })

test('the same files change nothing', async () => {
  const { send, port, backend } = await reading()
  const { status, body } = await send('POST /diff', files(routing(port, backend)))
  assert.equal(status, 200)
  assert.deepEqual([body.valid, body.errors], [true, 0])
  assert.deepEqual(body.changes, {
    listeners: { added: [], removed: [], changed: [] },
    rules: { added: 0, removed: 0, changed: 0, reordered: 0, list: [] },
    destinations: [],
    policies: [],
    connections: {
      open: 0,
      same: 0,
      elsewhere: 0,
      refused: 0,
      denied: 0,
      unlistened: 0,
      unknown: 0,
      moves: [],
    },
  })
})

test('a rule in front is an added one, and the others stay what they are', async () => {
  const { send, port, backend } = await reading()
  const changed = routing(port, backend).replace(
    '  tcp:\n',
    '  tcp:\n    - match: [{sourceSubnet: 10.0.0.0/8}]\n      route: [{destination: {host: backend.example}}]\n',
  )
  const { rules, destinations } = (await send('POST /diff', files(changed))).body.changes
  assert.deepEqual([rules.added, rules.removed, rules.changed], [1, 0, 0])
  const [added] = rules.list
  assert.deepEqual(
    [added.change, added.rule.route, added.rule.file, added.before, added.after],
    ['added', 0, 'new.yaml', null, 'sourceSubnet 10.0.0.0/8 → 100 % backend.example:9000'],
  )
  assert.deepEqual(destinations, [])
})

test('another endpoint is another destination, another port another listener', async () => {
  const { send, port, backend } = await reading()
  const { changes } = (await send('POST /diff', files(routing(port, backend + 1)))).body
  assert.equal(changes.rules.list.length, 0)
  const [{ change, destination, before, after }] = changes.destinations
  assert.deepEqual([change, destination], ['changed', 'backend.example:9000'])
  assert.deepEqual([before, after], [`127.0.0.1:${backend}`, `127.0.0.1:${backend + 1}`])
  const moved = (await send('POST /diff', files(routing(port + 1, backend)))).body.changes
  assert.deepEqual(moved.listeners, {
    added: [`default/edge 127.0.0.1:${port + 1}`],
    removed: [`default/edge 127.0.0.1:${port}`],
    changed: [],
  })
  assert.deepEqual([moved.rules.added, moved.rules.removed], [1, 1])
})

test('files with errors are told as weir check tells them', async () => {
  const { send } = await reading()
  const { status, body } = await send('POST /diff', files('kind: ['))
  assert.equal(status, 200)
  assert.deepEqual([body.valid, body.changes], [false, null])
  assert.equal(body.findings[0].file, 'new.yaml')
  assert.equal((await send('POST /diff', { files: [] })).body.findings[0].code, 'CFG014')
})

test('what is no list of files is refused, and the next one is answered', async () => {
  const { send, where, port, backend } = await reading()
  for (const body of [{}, { files: [{ path: 'a' }] }, { files: 'a' }, [], null, 7, { files: [null] }]) {
    const { status, body: said } = await send('POST /diff', body)
    assert.deepEqual([status, said.code], [400, 'bad-request'], JSON.stringify(body))
  }
  const host = { host: 'localhost' }
  const json = { ...host, 'content-type': 'application/json' }
  assert.equal((await call(where, 'POST /diff', json, '{')).status, 400)
  assert.equal((await call(where, 'POST /diff', json)).status, 400)
  assert.equal((await call(where, 'POST /diff', json, '\xff{}')).status, 400)
  assert.equal((await call(where, 'POST /diff', host, '{}')).status, 415)
  assert.equal((await call(where, 'GET /diff', host)).status, 405)
  const huge = { ...json, 'content-length': String(65 * 2 ** 20) }
  assert.equal((await call(where, 'POST /diff', huge)).status, 413)
  assert.equal((await send('POST /diff', files(routing(port, backend)))).status, 200)
})

test('one at a time; who goes away makes room', async () => {
  const { send, where, port, backend } = await reading()
  const slow = connect(where)
  slow.write(
    'POST /diff HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n',
  )
  const first = async (): Promise<number> => {
    const { status } = await send('POST /diff', files(routing(port, backend)))
    return status === 429 ? status : first() // the slow one may not have arrived yet
  }
  assert.equal(await first(), 429)
  slow.destroy()
  await once(slow, 'close')
  const then = async (): Promise<number> => {
    const { status } = await send('POST /diff', files(routing(port, backend)))
    return status === 200 ? status : then() // its going may not have arrived yet
  }
  assert.equal(await then(), 200)
})

test('who goes away during a comparison ends it, and so makes room', async t => {
  const { send, where, gateway, port, backend } = await scene(t)
  const begun = Promise.withResolvers<AbortSignal>()
  const { diff } = gateway
  gateway.diff = (_body, gone) => {
    begun.resolve(gone)
    return new Promise(resolve => gone.addEventListener('abort', () => resolve(null)))
  }
  const body = JSON.stringify(files(routing(port, backend)))
  const caller = connect(where)
  caller.write(
    `POST /diff HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  const gone = await begun.promise
  assert.equal((await send('POST /diff', files(routing(port, backend)))).status, 429)
  assert.equal(gone.aborted, false)
  caller.destroy()
  if (!gone.aborted) await once(gone, 'abort')
  gateway.diff = diff
  const then = async (): Promise<number> => {
    const { status } = await send('POST /diff', files(routing(port, backend)))
    return status === 429 ? then() : status
  }
  assert.equal(await then(), 200)
})

test('a comparison that takes too long is ended and told; the next one is answered', async t => {
  const limited = {
    differ: { limitMs: 300, filename: new URL('../support/busy-differ.ts', import.meta.url) },
  }
  const { send, get, port, backend, save, logged } = await scene(t, routing, 'auto', limited)
  const endless = send('POST /diff', files('endless'))
  save(routing(port, backend).replace('{name: all}', '{name: new}'))
  await logged('generation 2:') // which no comparison holds back
  const { status, body } = await endless
  assert.deepEqual([status, body.code, body.message], [503, 'undone', 'comparing took longer than 0.3 s'])
  assert.equal((await get('/ready')).status, 200)
  const then = async (): Promise<number> => (await send('POST /diff', files('short'))).status
  while ((await then()) !== 400);
})

test('it says how many live connections would go elsewhere, and where', async t => {
  const { send, port, backend, root, logged } = await scene(t)
  const clients = ['127.0.0.2', '127.0.0.2', '127.0.0.3']
  await Promise.all(clients.map(client => talking(t, port, client)))
  const now = routing(port, backend)
  const fates = async (text: string) => {
    const { connections } = (await send('POST /diff', files(text))).body.changes
    const { moves, open, ...counts } = connections
    assert.equal(open, 3)
    return { moves, ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)) }
  }
  assert.deepEqual(await fates(now), { same: 3, moves: [] })
  const other = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: other}
spec:
  hosts: [other.example]
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
`
  const rule = (client: string, host: string) =>
    `  tcp:\n    - match: [{sourceSubnet: ${client}}]\n      route: [{destination: {host: ${host}}}]\n`
  const moved = now.replace('  tcp:\n', rule('127.0.0.2/32', 'other.example')) + other
  const move = { rule: 'default/all tcp[0]', from: 'backend.example:9000' }
  assert.deepEqual(await fates(moved), {
    same: 1,
    elsewhere: 2,
    moves: [{ ...move, connections: 2, fate: 'elsewhere', to: ['other.example:9000'] }],
  })
  const split = now.replace(
    '- destination: {host: backend.example}',
    '- {destination: {host: backend.example}, weight: 1}\n        - {destination: {host: other.example}, weight: 99}',
  )
  assert.deepEqual(await fates(split + other), { same: 3, moves: [] })
  const narrowed = now.replace('- route:', '- match: [{sourceSubnet: 127.0.0.3/32}]\n      route:')
  assert.deepEqual(await fates(narrowed), {
    same: 1,
    refused: 2,
    moves: [{ ...move, connections: 2, fate: 'refused', to: [] }],
  })
  assert.deepEqual(await fates(routing(port + 1, backend)), {
    unlistened: 3,
    moves: [{ ...move, connections: 3, fate: 'unlistened', to: [] }],
  })
  for (let generation = 2; generation <= 11; generation++) {
    moveIn(root, 'a.yaml', routing(port, backend).replace('{name: all}', `{name: vs-${generation}}`))
    await logged(`generation ${generation}:`)
  }
  assert.deepEqual(await fates(now), { same: 3, moves: [] }, 'whose table is gone')
})

test('PROXY headers that are read or sent otherwise are told, with file and line', async t => {
  const { send, port, backend, save, logged } = await scene(t)
  const plain = routing(port, backend)
  const reads = (entry: string) =>
    plain.replace('admin: null}', `admin: null, proxyProtocol: [\n  ${entry}]}`)
  const sends = (version: string) => `${plain}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: backend}
spec:
  host: backend.example
  trafficPolicy:
    proxyProtocol: {version: ${version}}
`
  const changesTo = async (text: string) => (await send('POST /diff', files(text))).body.changes
  const lines = (text: string, of: string) => text.slice(0, text.indexOf(of)).split('\n').length
  await talking(t, port, '127.0.0.2') // which said no header
  const listener = `default/edge 127.0.0.1:${port}`
  const before = 'reads no PROXY header'
  const strict = reads('{from: [127.0.0.2, 10.0.0.0/8], timeout: 2s}')
  const after = 'reads a PROXY header (V1, V2) from 127.0.0.2/32 10.0.0.0/8 within 2s, and resets all others'
  const place = { file: 'new.yaml', line: lines(strict, '{from') }
  const { listeners, connections } = await changesTo(strict)
  assert.deepEqual(listeners.changed, [{ listener, ...place, before, after }])
  assert.deepEqual([connections.open, connections.refused], [1, 1], 'it would have to send one')
  assert.equal((await changesTo(reads('{from: [10.0.0.1]}'))).connections.refused, 1, 'untrusted')
  assert.equal((await changesTo(reads('{from: [10.0.0.1], require: false}'))).connections.same, 1)
  const { destinations } = await changesTo(sends('V2'))
  assert.deepEqual(destinations[0].policy, [
    {
      field: 'proxyProtocol',
      before: 'none',
      after: 'V2',
      file: 'new.yaml',
      line: lines(sends('V2'), 'proxyProtocol: {version'),
    },
  ])

  save(reads('{from: [127.0.0.3]}'))
  await logged('generation 2:')
  const client = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' })
  t.after(() => client.destroy())
  client.on('error', () => {}) // the gateway ends first
  client.write('PROXY TCP4 192.0.2.7 203.0.113.5 5001 443\r\ntest\n')
  await once(client, 'data')
  const again = await changesTo(plain)
  assert.deepEqual(
    again.listeners.changed.map((each: { line: number; after: string }) => [each.line, each.after]),
    [[place.line, before]],
  )
  assert.deepEqual(again.connections.same, 2)
  const narrow = plain.replace('    - route:', '    - match: [{sourceSubnet: 192.0.2.7}]\n      route:')
  assert.equal((await changesTo(narrow)).connections.refused, 2, 'nobody names a client any more')
})

test('a probe is answered while a large configuration is compared', async t => {
  const count = sized(2_500, 20_000)
  // Its own limit of time is another test's; a machine with much else to do may need longer.
  const { send, get, port, backend } = await scene(t, routing, 'auto', { differ: { limitMs: 170_000 } })
  const rules = Array.from(
    { length: count },
    (_, index) =>
      `    - match: [{sourceSubnet: 10.${index >> 8}.${index & 255}.0/24}]\n      route: [{destination: {host: backend.example}}]\n`,
  )
  const order: string[] = []
  const large = routing(port, backend).replace('  tcp:\n', `  tcp:\n${rules.join('')}`)
  const compared = send('POST /diff', files(large)).then(({ body }) => {
    order.push('diff')
    return body
  })
  for (let probe = 0; probe < 10; probe++) {
    assert.equal((await get('/ready')).status, 200)
    order.push('ready')
  }
  assert.equal((await compared).changes.rules.added, count)
  assert.equal(order.at(-1), 'diff')
})
