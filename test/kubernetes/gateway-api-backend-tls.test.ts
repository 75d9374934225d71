/** BackendTLSPolicy from an API server: the TLS to a Service follows it, and so does its status. */

import { deepEqual } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { createServer } from 'node:tls'
import { ask } from '../control/scene.ts'
import { Authority } from '../support/authority.ts'
import { api as resource, tcp, tcpRoute } from '../support/gateway-api.ts'
import { freePort } from '../support/sockets.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { FakeApi } from './fake/server.ts'
import { follows, gatewayOf } from './gateway.ts'
import { localGateway, WEIR_CLASS, WRITING } from './gateway-api.ts'
import { service, slice } from './resources.ts'

const URI = 'spiffe://cluster.local/ns/shop/sa/db'
const OWN = { group: '', kind: 'Service', name: 'db' }

/** A server that speaks TLS only, by a certificate of these names. */
async function secret(t: TestContext, authority: Authority, names: string[]): Promise<number> {
  const { cert, key } = authority.issue({ names })
  const server = createServer({ cert, key }, socket => {
    socket.on('error', () => socket.destroy())
    socket.on('data', data => socket.write(`secret ${data}`))
  })
  server.on('tlsClientError', () => {}) // a client that refuses the certificate
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as { port: number }).port
}

const policy = (id: string, validation: object): KubeObject =>
  resource('BackendTLSPolicy', id, {
    targetRefs: [OWN],
    validation: {
      hostname: 'db.test',
      caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
      ...validation,
    },
  }) as KubeObject

const authorities = (cert: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'ca', namespace: 'shop' },
  data: { 'ca.crt': cert },
})

type Condition = { type: string; status: string; reason: string; observedGeneration: number }
type Ancestor = { ancestorRef: { name: string }; conditions: Condition[] }

test('traffic and status follow a BackendTLSPolicy, its names, its authority and its age', async t => {
  const [authority, other] = [new Authority('test'), new Authority('another')]
  const port = await freePort()
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS] })
  t.after(() => api.stop())
  const edge = localGateway('shop/edge', [tcp(port)])
  const route = tcpRoute('shop/r', { name: 'edge' }, ['db']) as KubeObject
  const first = policy('shop/first', {})
  const backends = [service('db'), slice('db', await secret(t, authority, ['db.test', URI]))]
  const given = [WEIR_CLASS, edge, route, first]
  for (const each of [...given, ...backends, authorities(authority.cert)]) api.put(each)
  await gatewayOf(t, api.kubeconfig(), WRITING)

  /** "edge Accepted True 2 Accepted", for each ancestor and condition. */
  const said = (object: KubeObject): string[] => {
    const { ancestors = [] } = (api.get(object).status ?? {}) as { ancestors?: Ancestor[] }
    return ancestors.flatMap(({ ancestorRef, conditions }) =>
      conditions.map(each =>
        [ancestorRef.name, each.type, each.status, each.observedGeneration, each.reason].join(' '),
      ),
    )
  }
  const says = async (object: KubeObject, ...words: string[]): Promise<void> => {
    while (JSON.stringify(said(object)) !== JSON.stringify(words)) await api.nextRequest
  }
  const fine = (generation: number) => [
    `edge Accepted True ${generation} Accepted`,
    `edge ResolvedRefs True ${generation} ResolvedRefs`,
  ]
  const change = (validation: object) =>
    api.put({ ...api.get(first), spec: policy('shop/first', validation).spec as object })
  const isReset = async (): Promise<void> => {
    while ((await ask(port)) !== '') await after(5)
  }

  await follows(port, 'secret')
  await says(first, ...fine(1))

  change({ hostname: 'wrong.test' })
  await isReset()
  await says(first, ...fine(2))
  change({ hostname: 'wrong.test', subjectAltNames: [{ type: 'Hostname', hostname: 'db.test' }] })
  await follows(port, 'secret')
  await says(first, ...fine(3))
  change({ subjectAltNames: [{ type: 'URI', uri: 'spiffe://cluster.local/ns/shop/sa/other' }] })
  await isReset()
  change({
    subjectAltNames: [
      { type: 'Hostname', hostname: 'x.test' },
      { type: 'URI', uri: URI },
    ],
  })
  await follows(port, 'secret')
  await says(first, ...fine(5))

  // Without its authority it leaves the Service closed: plain text is no answer.
  api.remove(authorities(''))
  await isReset()
  const refused = (reason: string) => [
    'edge Accepted False 5 NoValidCACertificate',
    `edge ResolvedRefs False 5 ${reason}`,
  ]
  await says(first, ...refused('InvalidCACertificateRef'))
  api.put(authorities(other.cert))
  await says(first, ...fine(5))
  await isReset() // the server's certificate is of another
  api.put(authorities(authority.cert))
  await follows(port, 'secret')

  // Of two policies for one Service the older applies; they are of one age, so the first by name.
  const second = policy('shop/second', { hostname: 'wrong.test' })
  api.put(second)
  await says(second, 'edge Accepted False 1 Conflicted', 'edge ResolvedRefs True 1 ResolvedRefs')
  await follows(port, 'secret')
  api.remove(first)
  await says(second, ...fine(1))
  await isReset()

  // Nothing of weir's uses it: weir's entry goes.
  api.remove(route)
  await says(second)
  const codes = api.requests.filter(each => each.subresource === 'status').map(each => each.code)
  deepEqual([...new Set(codes)], [200])
})
