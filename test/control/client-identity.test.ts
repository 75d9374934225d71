// Goal: who a client is by its certificate decides what it may do, now and after a change of
// policies. Method: a gateway with its files and admin listener, clients of node:tls.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { scene as startGateway } from '../admin/scene.ts'
import type { Issued } from '../support/authority.ts'
import { ENGINES } from '../support/engine.ts'
import { AUTHORITY, CLIENT, CLIENT_URI, SERVER, SERVER_NAME } from '../support/tls.ts'
import { routing } from './scene.ts'

const OTHER = AUTHORITY.issue({ names: ['spiffe://cluster.local/ns/shop/sa/job'] })
const NAMED = AUTHORITY.issue({ names: ['a.test'], common: 'anna' })

const secret = JSON.stringify({ 'tls.crt': SERVER.cert, 'tls.key': SERVER.key, 'ca.crt': AUTHORITY.cert })

/** The Gateway asks its clients for certificates, and takes those without one. */
const textOf = (port: number, backend: number): string =>
  `${routing(port, backend)
    .replace(
      'protocol: TCP}\n      bind',
      'protocol: TLS}\n      tls: {mode: OPTIONAL_MUTUAL, credentialName: cert}\n      bind',
    )
    .replace('{workers: 1,', '{workers: 1, authorization: {onChange: revoke, revokeOver: 10ms},')}---
apiVersion: v1
kind: Secret
metadata: {name: cert}
stringData: ${secret}
`

const policy = (action: string, source: string): string => `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: who}
spec: {action: ${action}, rules: [{from: [{source: {${source}}}]}]}
`

type Talk = { readonly socket: TLSSocket; readonly said: string; readonly ended: Promise<string> }

/** A client that has had its first answer, or the way in which it was refused. */
async function talk(t: TestContext, port: number, pair: Partial<Issued> = {}): Promise<Talk> {
  const ca = { servername: SERVER_NAME, ca: AUTHORITY.cert }
  const socket = connect({ port, host: '127.0.0.1', ...ca, cert: pair.cert, key: pair.key })
  t.after(() => socket.destroy())
  const ended = new Promise<string>(resolve => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.on('close', () => resolve('closed'))
  })
  const answer = new Promise<string>(resolve => socket.once('data', data => resolve(String(data).trim())))
  socket.on('secureConnect', () => socket.write('test\n'))
  return { socket, said: await Promise.race([answer, ended]), ended }
}

const again = ({ socket }: Talk): Promise<string> => {
  const answer = new Promise<string>(resolve => socket.once('data', data => resolve(String(data).trim())))
  socket.write('again\n')
  return answer
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: policies read the client's certificate, and a change of them ends who is denied`, async t => {
    const { port, backend, save, reload, get, logged } = await startGateway(t, textOf, engine)
    const change = async (text: string) => {
      save(textOf(port, backend) + text)
      assert.equal((await reload()).outcome, 'taken')
    }
    const [web, job, named, guest] = [
      await talk(t, port, CLIENT),
      await talk(t, port, OTHER),
      await talk(t, port, NAMED),
      await talk(t, port),
    ]
    for (const { said } of [web, job, named, guest]) assert.equal(said, 'hello test')
    const { connections } = (await get('/connections')).body
    assert.deepEqual(
      connections.map((each: { identity: string | null }) => each.identity).sort(),
      [CLIENT_URI, 'spiffe://cluster.local/ns/shop/sa/job', 'CN=anna', null].sort(),
    )

    await change(policy('ALLOW', 'principals: ["cluster.local/ns/shop/sa/web"]'))
    await logged('3 open connections are denied by the policies of generation 2')
    for (const { ended } of [job, named, guest]) assert.match(await ended, /ECONNRESET|closed/)
    assert.equal(await again(web), 'hello again')
    for (const pair of [OTHER, NAMED, {}]) assert.match((await talk(t, port, pair)).said, /ECONNRESET|closed/)
    assert.equal((await talk(t, port, CLIENT)).said, 'hello test')

    const asked = async (identity: string) => {
      const { body } = await get(`/explain?to=127.0.0.1:${port}&sni=${SERVER_NAME}&identity=${identity}`)
      return [body.ends, body.authorization.because, body.tls.identity?.serviceAccount]
    }
    assert.deepEqual(await asked(CLIENT_URI), [null, null, 'shop/web'])
    const because = 'principals: cluster.local/ns/shop/sa/job is none of cluster.local/ns/shop/sa/web'
    assert.deepEqual(await asked('spiffe://cluster.local/ns/shop/sa/job'), [
      'denied-by-policy',
      because,
      'shop/job',
    ])

    await change(policy('DENY', 'namespaces: [shop]'))
    assert.match(await web.ended, /ECONNRESET|closed/)
    assert.match((await talk(t, port, CLIENT)).said, /ECONNRESET|closed/)
    for (const pair of [NAMED, {}]) assert.equal((await talk(t, port, pair)).said, 'hello test')

    await change(policy('ALLOW', 'principals: ["*"]'))
    assert.equal((await talk(t, port, NAMED)).said, 'hello test')
    assert.match((await talk(t, port)).said, /ECONNRESET|closed/)
    assert.match(
      String((await get('/metrics')).body),
      /weir_connections_closed_total\{reason="denied-by-policy"\} \d+\n/,
    )
  })
}
