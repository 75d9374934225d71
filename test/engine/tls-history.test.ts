/**
 * Goal: mistakes that other gateways made with TLS are not made here. Method: one port with a
 * strict server, which asks for a client's certificate, beside a lax one for any name; clients that
 * try to get past the strict one.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import type { TlsServer } from '../../src/table/plan/tls.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { records } from '../support/hello.ts'
import { namedRule } from '../support/named-rule.ts'
import { begin, ending, freePort, greet, listen, readBytes } from '../support/sockets.ts'
import { AUTHORITY, CLIENT, materialOf, SERVER, secretsOf, serverOf } from '../support/tls.ts'

const STRICT = 'a.strict.test'
const trusting = materialOf('server', [SERVER], { authorities: AUTHORITY.cert })

const scope = (name: string, route: number, tls: TlsServer, pattern = name) => ({
  host: '',
  port: 0,
  addresses: [],
  takes: { names: [name], plain: false },
  tls,
  rules: [namedRule(route, pattern)],
  defaultRoute: -1,
})

type Wanted = {
  readonly material?: typeof trusting
  readonly pattern?: string
  readonly readTimeoutMs?: number
}

/** *.strict.test leads to "strict" with a certificate only, any other name to "lax". */
async function plane(engine: EngineKind, wanted: Wanted = {}) {
  const { material = trusting, pattern, readTimeoutMs } = wanted
  const stack = new AsyncDisposableStack()
  const [strict, lax] = [stack.use(await listen(greet('strict'))), stack.use(await listen(greet('lax')))]
  const gateway = stack.use(new TestEngine(engine))
  const port = await freePort()
  const laxly = materialOf('lax', [SERVER])
  gateway.order({ kind: 'secrets', epoch: 0, secrets: secretsOf(material, laxly) })
  const scopes = [
    scope('*.strict.test', 0, serverOf({ name: 'strict', clients: 'required' }), pattern),
    scope('*', 1, serverOf({ name: 'lax', material: 'lax' })),
  ]
  const more = { reads: 'postgres', scopes, ...(readTimeoutMs && { readTimeoutMs }) } as const
  await gateway.adopt(planOf([listenerOn(port, -1, more)], [clusterOf([strict]), clusterOf([lax])]))
  return { port, gateway, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Puts the hello, the first that is written, into records of so many bytes. */
function inRecords(raw: Socket, size: number): Duplex {
  let isFirst = true
  const between = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      if (isFirst) assert.equal(chunk.length, 5 + chunk.readUInt16BE(3), 'the hello is one record')
      raw.write(isFirst ? records(chunk.subarray(5), size) : chunk, done)
      isFirst = false
    },
    final: done => void raw.end(done),
  })
  raw.on('data', chunk => between.push(chunk))
  raw.on('close', () => between.destroy())
  raw.on('error', () => {})
  between.on('error', () => {})
  return between
}

type Client = { readonly pair?: typeof CLIENT; readonly pieces?: number }

/** What the server says to a client that asks for this name; else the error. */
async function reach(port: number, servername: string, { pair, pieces = 0 }: Client = {}): Promise<string> {
  const raw = connectPlain(port, '127.0.0.1')
  const own = pair ? { cert: pair.cert, key: pair.key } : {}
  const socket = pieces > 0 ? inRecords(raw, pieces) : raw
  const client = connect({ socket, servername, rejectUnauthorized: false, ...own })
  try {
    const [chunk] = (await Promise.race([once(client, 'data'), once(client, 'close')])) as [Buffer?]
    return String(chunk ?? 'closed')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error'
  } finally {
    client.on('error', () => {})
    client.destroy()
    raw.destroy()
  }
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: a hello in many records is not one without a name (CVE-2026-32305)`, async () => {
    await using served = await plane(engine)
    const { port, gateway } = served
    for (const pieces of [3, 50, 600]) {
      assert.equal(await reach(port, STRICT, { pair: CLIENT, pieces }), 'strict')
      assert.doesNotMatch(await reach(port, STRICT, { pieces }), /strict|lax/)
    }
    await gateway.closed('tls-client-certificate', 3)
    assert.equal(await reach(port, 'b.test', { pieces: 3 }), 'lax')
  })

  test(`${engine}: a name is the same in any case, for certificate and route (CVE-2026-48491)`, async () => {
    await using served = await plane(engine)
    const { port, gateway } = served
    const names = ['A.STRICT.TEST', 'a.Strict.test', `${STRICT}.`, 'b.a.strict.TEST']
    for (const name of names) {
      assert.equal(await reach(port, name, { pair: CLIENT }), 'strict', name)
      assert.doesNotMatch(await reach(port, name), /strict|lax/, name)
    }
    await gateway.closed('tls-client-certificate', names.length)
  })

  test(`${engine}: what cannot verify clients serves none of them (CVE-2022-46153)`, async () => {
    const broken = [
      materialOf('server', [SERVER]),
      materialOf('server', [SERVER], { authorities: 'no authority' }),
      materialOf('server', [], { authorities: AUTHORITY.cert }),
      materialOf('lost', [SERVER]),
    ]
    for (const material of broken) {
      await using served = await plane(engine, { material })
      for (const pair of [undefined, CLIENT])
        assert.doesNotMatch(await reach(served.port, STRICT, { ...(pair && { pair }) }), /strict|lax/)
      assert.equal(await reach(served.port, 'b.test'), 'lax')
    }
  })

  test(`${engine}: a route takes only the names of its server (istio#59229)`, async () => {
    await using served = await plane(engine, { pattern: '*.test' })
    const { port } = served
    assert.equal(await reach(port, STRICT, { pair: CLIENT }), 'strict')
    assert.equal(await reach(port, 'other.test', { pair: CLIENT }), 'lax')
  })

  test(`${engine}: asking for TLS first wins no time (CVE-2026-25949, CVE-2026-26999)`, async () => {
    await using served = await plane(engine, { readTimeoutMs: 1_000 })
    const { port, gateway } = served
    const asking = begin(port)
    asking.write(Buffer.from('0000000804d2162f', 'hex'))
    assert.equal(await readBytes(asking, 1), 'S')
    const half = begin(port)
    half.write(Buffer.from('160301020001', 'hex'))
    await gateway.closed('hello-timeout', 2)
    for (const client of [asking, half]) assert.match(await ending(client), /ECONNRESET/)
  })
}
