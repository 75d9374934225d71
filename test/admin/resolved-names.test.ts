/**
 * What weir knows of the DNS names of endpoints, by the admin listener, the command and the
 * metrics: nobody has to guess why a destination has no endpoint.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { weir } from '../cli/kit.ts'
import { nameFiles, nameServer } from '../support/name-server.ts'
import { amount, parseMetrics } from './prometheus.ts'
import { scene } from './scene.ts'

const HOSTS = ['ok.test', 'gone.test', 'broken.test', 'half.test', 'short']

const named = (port: number, backend: number): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {servers: [{port: {number: ${port}, name: tcp, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: default}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp: [{route: [${HOSTS.map(host => `{weight: 20, destination: {host: ${host}.default.svc.cluster.local}}`).join(', ')}]}]
---
${HOSTS.map(
  (host, index) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: n${index}, namespace: default}
spec:
  hosts: [${host}.default.svc.cluster.local]
  resolution: DNS
  ports: [{number: ${backend}, name: tcp, protocol: TCP}]
  endpoints: [{address: ${host}}]
---`,
).join('')}
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {mesh: {capture: none}, workers: 1, admin: null}
`

test('names say what they resolve to, since when, and why not', async t => {
  const dns = await nameServer(t)
  dns.zone.set('ok.test', { A: ['127.0.0.2', '127.0.0.1'], AAAA: ['::1'], ttl: 100 })
  dns.zone.set('broken.test', { A: 'servfail', AAAA: 'servfail' })
  dns.zone.set('half.test', { A: ['127.0.0.1'], AAAA: 'servfail', ttl: 100 })
  dns.zone.set('short.search.test', { A: ['127.0.0.3'], AAAA: 'nodata', ttl: 100 })
  const { files } = nameFiles(t, `nameserver ${dns.server}\nsearch search.test`)
  const { get, where, backend } = await scene(t, named, 'auto', { names: files })

  const { body } = await get('/names')
  assert.deepEqual(body.states, { resolved: 2, partial: 1, stale: 0, unresolved: 2, pending: 0 })
  assert.deepEqual(
    body.names.map((each: Record<string, unknown>) => [each.name, each.state, each.why, each.addresses]),
    [
      ['broken.test', 'unresolved', 'SERVFAIL', []],
      ['gone.test', 'unresolved', 'NXDOMAIN', []],
      ['half.test', 'partial', 'AAAA: SERVFAIL', ['127.0.0.1']],
      ['ok.test', 'resolved', null, ['127.0.0.1', '127.0.0.2', '::1']],
      ['short', 'resolved', null, ['127.0.0.3']],
    ],
  )
  const [, , , ok, short] = body.names
  assert.deepEqual([ok.source, ok.asked, short.asked], ['dns', 'ok.test', 'short.search.test'])
  assert.deepEqual(ok.destinations, [`ok.test.default.svc.cluster.local:${backend}`])
  assert.ok(ok.forS >= 0 && ok.nextS > 0 && ok.nextS <= 110)
  assert.equal((await get('/names?state=unresolved&limit=1')).body.total, 2)
  assert.deepEqual((await get('/names?name=half.test')).body.names[0].name, 'half.test')
  assert.deepEqual((await get('/endpoints')).body.names, body.states)

  const metrics = parseMetrics((await get('/metrics')).body)
  assert.equal(amount(metrics, 'weir_names', { state: 'unresolved' }), 2)
  assert.equal(amount(metrics, 'weir_name_up', { name: 'gone.test' }), 0)
  assert.equal(amount(metrics, 'weir_name_up', { name: 'half.test' }), 1)
  assert.ok(amount(metrics, 'weir_name_lookups_total', { result: 'found' }) >= 3)
  assert.ok(amount(metrics, 'weir_name_lookups_total', { result: 'failed' }) >= 1)

  const asked = (...words: string[]) => weir([...words, '--admin', `127.0.0.1:${where.port}`])
  const { out, code } = await asked('names')
  assert.equal(code, 0)
  assert.match(out, /^NAME +STATE +FOR +NEXT +SOURCE +ADDRESSES\nbroken\.test +unresolved .*\n {2}SERVFAIL\n/)
  assert.match(out, /\nok\.test +resolved .* dns +127\.0\.0\.1, 127\.0\.0\.2, ::1\n/)
  assert.match(out, /\nshort +resolved .*127\.0\.0\.3\n {2}as short\.search\.test, by the search list\n$/)
  assert.equal((await asked('names', '--state', 'stale')).out, 'no name\n')
  assert.match((await asked('endpoints')).out, /\nDNS names: 2 unresolved, 1 partial; see weir names\n$/)
  assert.match(
    (await asked('status')).out,
    /\n {2}names {8}2 resolved, 1 partial, 2 unresolved; see weir names\n/,
  )
  const json = JSON.parse((await asked('names', '--limit', '2', '--output', 'json')).out)
  assert.deepEqual([json.total, json.names.length], [5, 2])
})
