// Goal: explain shows the policy that a connection gets, and where each value is written. Method:
// blocks at every level.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { folder } from '../control/scene.ts'
import { weir } from './kit.ts'

const FILE = `apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.0.0.7, ports: [{name: tcp-db, port: 5432}, {name: tcp-admin, port: 5433}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: db, namespace: shop}
subsets: [{addresses: [{ip: 10.2.0.1}], ports: [{name: tcp-db, port: 5432}, {name: tcp-admin, port: 5433}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: shop}
spec:
  hosts: [db]
  tcp:
    - match: [{port: 5433}]
      route:
        - {destination: {host: db, port: {number: 5433}}}
    - route:
        - {destination: {host: db, subset: fast, port: {number: 5432}}, weight: 50}
        - {destination: {host: db, subset: plain, port: {number: 5432}}, weight: 50}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: db
  namespace: shop
  annotations: {gateway.weir/connect-attempts: '2'}
spec:
  host: db
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
    connectionPool:
      tcp:
        connectTimeout: 5s
        maxConnections: 100
    portLevelSettings:
      - port: {number: 5433}
        connectionPool:
          tcp:
            idleTimeout: 90s
            tcpKeepalive: {time: 60s, probes: 3}
  subsets:
    - name: plain
    - name: fast
      trafficPolicy:
        connectionPool:
          tcp:
            connectTimeout: 250ms
            maxConnectionDuration: 2h
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec:
  connectAttempts: 5
  connectDeadline: 8s
`

test('each value is shown with the file and line that it comes from, whichever block is in force', async t => {
  const root = folder(t, { 'a.yaml': FILE })
  const ask = async (to: string, ...flags: string[]) => await weir(['explain', root, '--to', to, ...flags])
  const line = (text: string): number => FILE.split('\n').findIndex(each => each.includes(text)) + 1
  const policies = async (to: string) => {
    const { destinations } = JSON.parse((await ask(to, '--output', 'json')).out)
    return destinations.map(
      ({ policy }: { policy: { field: string; value: string; file: string; line: number }[] }) =>
        policy.filter(({ file }) => file !== null).map(each => `${each.field} ${each.value} ${each.line}`),
    )
  }
  const dialed = [
    `connectAttempts 2 ${line('connect-attempts')}`,
    `connectDeadline 8s ${line('connectDeadline')}`,
  ]
  const balance = `loadBalancer ROUND_ROBIN ${line('simple: ROUND_ROBIN')}`
  assert.deepEqual(await policies('10.0.0.7:5432'), [
    [
      `connectTimeout 250ms ${line('250ms')}`,
      `maxConnectionDuration 2h ${line('maxConnectionDuration')}`,
      balance,
      ...dialed,
    ],
    [
      `connectTimeout 5s ${line('5s')}`,
      `maxConnections 100 ${line('maxConnections: 100')}`,
      balance,
      ...dialed,
    ],
  ])
  // A port's entry replaces the top level: it inherits nothing.
  assert.deepEqual(await policies('10.0.0.7:5433'), [
    [
      `idleTimeout 90s ${line('idleTimeout')}`,
      `tcpKeepalive time 60s probes 3 ${line('tcpKeepalive')}`,
      ...dialed,
    ],
  ])
  const { out } = await ask('10.0.0.7:5433')
  const file = `${root}/a.yaml`
  assert.ok(
    out.includes(
      [
        `  policy    idleTimeout 90s  ${file}:${line('idleTimeout')}`,
        `            tcpKeepalive time 60s probes 3  ${file}:${line('tcpKeepalive')}`,
        `            connectAttempts 2  ${file}:${line('connect-attempts')}`,
        `            connectDeadline 8s  ${file}:${line('connectDeadline')}`,
        '            connectTimeout 10s, loadBalancer LEAST_REQUEST by default\n',
      ].join('\n'),
    ),
    out,
  )
  const two = (await ask('10.0.0.7:5432')).out
  assert.match(
    two,
    /policy {4}db\.shop\.svc\.cluster\.local:5432 subset fast\n {14}connectTimeout 250ms {2}\S+:\d+\n/,
  )
  assert.match(two, /\n {12}db\.shop\.svc\.cluster\.local:5432 subset plain\n {14}connectTimeout 5s {2}/)
})

test('what nothing defines has no policy, and an address that is no service the default one', async t => {
  const root = folder(t, { 'a.yaml': FILE.replaceAll('subset: fast', 'subset: none') })
  const of = async (to: string) =>
    JSON.parse((await weir(['explain', root, '--to', to, '--output', 'json'])).out).destinations
  assert.deepEqual((await of('10.0.0.7:5432'))[0].policy, [])
  const [passed] = await of('192.0.2.1:5432')
  assert.deepEqual(
    passed.policy.map((each: { field: string; value: string }) => `${each.field} ${each.value}`),
    [
      'connectTimeout 10s',
      'idleTimeout 1h',
      'maxConnectionDuration none',
      'maxConnections none',
      'tcpKeepalive time 60s interval 15s probes 4',
      'userTimeout none',
      'writeTimeout none',
      'loadBalancer PASSTHROUGH',
      'connectAttempts 1',
      'connectDeadline 10s',
      'outlierDetection none',
      'proxyProtocol none',
      'onRemove keep',
    ],
  )
})
