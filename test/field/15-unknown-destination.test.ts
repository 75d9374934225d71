/**
 * A route that names a port, a subset or a host that nothing defines, and one whose service has no
 * Pods, look alike from the client: a reset. explain tells them apart, by the reason that the
 * gateway counts.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { weir } from '../cli/kit.ts'
import { folder } from '../control/scene.ts'

const database = (destination: string, pods = true): string => `
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.0.0.7, selector: {app: db}, ports: [{name: tcp-db, port: 5432, targetPort: 15432}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: shop}
spec: {hosts: [db], tcp: [{route: [{destination: ${destination}}]}]}
${
  pods
    ? `---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, labels: {app: db}}
status: {podIP: 10.2.0.1, phase: Running}
`
    : ''
}`

const CASES = [
  ['the target port, which the Service lacks', '{host: db, port: {number: 15432}}', 'unknown-destination'],
  ['a subset that no DestinationRule has', '{host: db, subset: v2}', 'unknown-destination'],
  ['a host that is not there', '{host: db2}', 'unknown-destination'],
  ['a Service without Pods', '{host: db}', 'no-endpoint'],
] as const

for (const [what, destination, reason] of CASES) {
  test(`${what}: explain says ${reason}`, async t => {
    const root = folder(t, { 'a.yaml': database(destination, reason !== 'no-endpoint') })
    const asked = ['explain', '--to', '10.0.0.7:5432', root]
    const { code, out } = await weir([...asked, '--output', 'json'])
    const { outcome, ends, destinations } = JSON.parse(out)
    assert.deepEqual([code, outcome, ends, destinations.length], [0, 'route', reason, 1])
    assert.equal(destinations[0].ends, reason)
    const words = reason === 'no-endpoint' ? 'no endpoint' : 'not defined'
    assert.ok((await weir(asked)).out.includes(`${words}: reset, ${reason}\n`))
  })
}

test('a destination that is there ends with nothing', async t => {
  const root = folder(t, { 'a.yaml': database('{host: db, port: {number: 5432}}') })
  const { out } = await weir(['explain', '--to', '10.0.0.7:5432', root, '--output', 'json'])
  const { ends, destinations } = JSON.parse(out)
  assert.deepEqual([ends, destinations[0].ends, destinations[0].endpoints], [null, null, ['10.2.0.1:15432']])
})
