/**
 * Whatever is written in place of any field of Gateway API's kinds: nothing throws, the findings
 * are at places, and the status is one.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Findings } from '../../src/config/findings/diagnostic.ts'
import { statusesOf } from '../../src/config/gateway-api/status/statuses.ts'
import { toPlan } from '../../src/config/plan/to-plan.ts'
import { DEFAULT_SETTINGS } from '../../src/config/settings/settings.ts'
import { validate } from '../../src/config/validate/validate.ts'
import {
  api,
  authority,
  certificate,
  gateway,
  grant,
  planned,
  service,
  tcp,
  tcpRoute,
  terminated,
  tlsRoute,
  WEIR,
} from '../support/gateway-api.ts'
import { toResources, type Written } from '../support/resources.ts'

const PARENT = {
  group: 'gateway.networking.k8s.io',
  kind: 'Gateway',
  name: 'edge',
  namespace: 'default',
  sectionName: 'tcp-9000',
  port: 9000,
}
const SELECTOR = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }
const ALLOWED = {
  namespaces: { from: 'Selector', selector: SELECTOR },
  kinds: [{ group: 'gateway.networking.k8s.io', kind: 'TCPRoute' }],
}

/** With every field that weir reads. */
const WHOLE: readonly Written[] = [
  WEIR,
  gateway(
    'edge',
    [
      tcp(9000, { allowedRoutes: ALLOWED }),
      terminated(9443, 'a.test', { group: '', kind: 'Secret', name: 'cert', namespace: 'default' }),
    ],
    {
      addresses: [{ type: 'IPAddress', value: '127.0.0.1' }],
      allowedListeners: { namespaces: { from: 'Selector', selector: SELECTOR } },
    },
  ),
  api('ListenerSet', 'more', {
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' },
    listeners: [tcp(9001)],
  }),
  tcpRoute('t', PARENT, ['a 1', 'other/b 2']),
  tlsRoute('s', { name: 'edge' }, ['a.test'], ['a']),
  grant('other/g', 'TCPRoute', 'default'),
  api('BackendTLSPolicy', 'p', {
    targetRefs: [{ group: '', kind: 'Service', name: 'a', sectionName: 'main' }],
    validation: {
      hostname: 'a.test',
      caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
      subjectAltNames: [{ type: 'Hostname', hostname: 'b.test' }],
    },
  }),
  ...service('a'),
  ...service('other/b'),
  certificate('cert'),
  authority('ca'),
]

const VALUES = [null, undefined, 5, '', 'A.b', [], [null], [{}], {}]

/** The value with each of its fields replaced, in turn. */
function* replaced(value: unknown): Generator<unknown> {
  yield* VALUES
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries())
      for (const other of replaced(each)) yield value.with(index, other)
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, each] of Object.entries(value))
      for (const other of replaced(each)) yield { ...value, [name]: other }
  }
}

function read(written: readonly Written[]): number {
  const findings = new Findings()
  const resources = toResources(written)
  const valid = resources.filter(resource => {
    const before = findings.count('error')
    validate(resource, findings, { profile: 'sidecar' })
    return findings.count('error') === before
  })
  const { gatewayApi } = toPlan(valid, DEFAULT_SETTINGS, new Map(), findings)
  for (const { message, code } of findings.list)
    assert.ok(message !== '' && !message.includes('[object'), `${code} ${message}`)
  return JSON.stringify(statusesOf(gatewayApi)).length
}

for (const [index, resource] of WHOLE.entries()) {
  if (!resource.apiVersion.startsWith('gateway.networking')) continue
  test(`${resource.kind}: any value in place of any field`, () => {
    let count = 0
    for (const spec of replaced(resource.spec)) {
      count++
      assert.ok(read(WHOLE.with(index, { ...resource, spec })) > 0, JSON.stringify(spec))
    }
    assert.ok(count > 15)
  })
}

test('null is the same as absent', () => {
  const nulls = { group: null, kind: null, namespace: null, sectionName: null, port: null }
  const route = api('TCPRoute', 't', {
    parentRefs: [{ ...nulls, name: 'edge' }],
    rules: [{ backendRefs: [{ ...nulls, port: 80, weight: null, name: 'a' }] }],
  })
  const { plan } = planned([
    WEIR,
    gateway('edge', [{ ...tcp(9000), hostname: null, tls: null, allowedRoutes: null }]),
    ...service('a'),
    route,
  ])
  assert.equal(plan.listeners[0].scopes[0].rules.length, 1)
  assert.equal(plan.clusters[0].kind, 'static')
})
