// Goal: explain shows the server that ends TLS, what its policies read of a client's certificate,
// and how weir speaks TLS to a destination. Method: a Gateway with a server for each mode.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { folder } from '../control/scene.ts'
import { AUTHORITY, SERVER } from '../support/tls.ts'
import { weir } from './kit.ts'

const secret = JSON.stringify({ 'tls.crt': SERVER.cert, 'tls.key': SERVER.key, 'ca.crt': AUTHORITY.cert })

const server = (name: string, tls: string): string =>
  `    - {port: {number: 8443, name: ${name}, protocol: TLS}, hosts: [${name}.test], tls: {credentialName: cert, ${tls}}}\n`

const FILE = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  servers:
${server('simple', 'mode: SIMPLE')}${server('optional', 'mode: OPTIONAL_MUTUAL')}${server('mutual', 'mode: MUTUAL, subjectAltNames: ["spiffe://cluster.local/ns/shop/sa/web", anna.test]')}---
apiVersion: v1
kind: Secret
metadata: {name: cert, namespace: shop}
stringData: ${secret}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: shop}
spec: {hosts: ['*'], gateways: [edge], tcp: [{route: [{destination: {host: db.example}}]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db, namespace: shop}
spec: {hosts: [db.example], ports: [{number: 5432, name: tcp, protocol: TCP}], resolution: STATIC, endpoints: [{address: 10.0.0.7}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db, namespace: shop}
spec: {host: db.example, trafficPolicy: {tls: {mode: MUTUAL, credentialName: cert, sni: sql.example, subjectAltNames: [one.example, two.example]}}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec: {action: ALLOW, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}, {from: [{source: {serviceAccounts: [shop/web]}}]}]}
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {mesh: {capture: none}}
`

test('explain takes an identity, and shows what reads it', async t => {
  const root = folder(t, { 'a.yaml': FILE })
  const ask = async (name: string, ...identity: string[]) => {
    const { out } = await weir(['explain', root, '--to', ':8443', '--sni', `${name}.test`, ...identity])
    return out
  }
  const WEB = 'spiffe://cluster.local/ns/shop/sa/web'

  const web = await ask('optional', '--identity', WEB)
  assert.match(web, /^route: shop\/all tcp\[0\] matches\n/)
  assert.match(
    web,
    /\n {2}tls {7}Gateway shop\/edge servers\[1\], TLS 1\.2 to 1\.3; a certificate is optional\n {12}spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web: policies read principal cluster\.local\/ns\/shop\/sa\/web, namespace shop, serviceAccount shop\/web, trustDomain cluster\.local\n/,
  )
  assert.match(
    web,
    /100 % {2}db\.example:5432\n {19}TLS 1\.2 to 1\.3 as sql\.example; the certificate must be for one\.example or two\.example, by the rule’s authorities; weir shows its own\n/,
  )

  const job = await ask('optional', '--identity', 'spiffe://cluster.local/ns/shop/job')
  assert.match(
    job,
    /^denied: denied by shop\/web: rules\[0\]: principals: cluster\.local\/ns\/shop\/job is none of cluster\.local\/ns\/shop\/sa\/web; rules\[1\]: serviceAccounts: a certificate without a service account is none of shop\/web\n/,
  )
  assert.match(await ask('optional'), /principals: a client without a certificate is none of/)
  assert.match(
    await ask('optional', '--identity', 'CN=anna'),
    /principals: a certificate without a SPIFFE URI/,
  )

  const simple = await ask('simple', '--identity', WEB)
  assert.match(simple, /no certificate is asked for\n/)
  assert.match(simple, /principals: a client without a certificate is none of/)

  const some = await ask('mutual')
  assert.match(some, /a certificate is required, with one of spiffe:\S+, anna\.test\n/)
  assert.match(some, /some verified certificate \(--identity names it\): policies read that it has one/)
  const refused = await ask('mutual', '--identity', 'spiffe://cluster.local/ns/shop/sa/job')
  assert.match(refused, /^denied: Gateway shop\/edge servers\[2\] takes certificates with one of /)
  assert.match(refused, /ends {6}reset, tls-client-certificate\n/)
  assert.match(await ask('mutual', '--identity', WEB), /^route: /)
  assert.match(await ask('mutual', '--identity', 'anna.test'), /anna\.test: policies read that it has one/)
})

test('so does a batch, and a RouteTest can expect it', async t => {
  const tests = `apiVersion: gateway.weir/v1
kind: RouteTest
metadata: {name: identities, namespace: shop}
spec:
  tests:
    - {name: web, connection: {sni: optional.test, identity: spiffe://cluster.local/ns/shop/sa/web}, expect: {destination: db.example}}
    - {name: nobody, connection: {sni: optional.test}, expect: {reason: denied-by-policy}}
    - {name: wrong, connection: {sni: mutual.test, identity: other.test}, expect: {reason: tls-client-certificate}}
`
  const root = folder(t, { 'a.yaml': FILE })
  const batch = [
    {
      destination: { port: 8443 },
      gateway: 'edge',
      sni: 'optional.test',
      identity: 'spiffe://cluster.local/ns/shop/sa/web',
    },
    { destination: { port: 8443 }, gateway: 'edge', sni: 'optional.test', identity: '' },
  ]
  const stdin = batch.map(each => JSON.stringify(each)).join('\n')
  const { out } = await weir(['explain', root, '--batch', '-', '--output', 'json'], { stdin })
  const [first, second] = out
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.equal(first.tls.identity.namespace, 'shop')
  assert.equal(first.destinations[0].tls.serverName, 'sql.example')
  assert.equal(second.error, 'identity is no name')
  const tested = await weir(['test', folder(t, { 'a.yaml': FILE, 'b.yaml': tests })])
  assert.equal(tested.code, 0, tested.out + tested.err)
})
