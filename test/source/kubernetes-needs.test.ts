/** What rules need of a cluster beside themselves, and that a bad one hides no other's. */

import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiObject } from '../../src/config/text/read-objects.ts'
import { needsOf } from '../../src/source/kubernetes/needs.ts'

const object = (kind: string, spec: unknown): ApiObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'a', namespace: 'shop' },
  spec,
})
const deep = (levels: number): unknown => JSON.parse(`${'[{"a":'.repeat(levels)}1${'}]'.repeat(levels)}`)

function needs(...objects: readonly ApiObject[]) {
  const ofKind = (kind: string) => objects.filter(each => each.kind === kind).map(each => ({ object: each }))
  return needsOf(ofKind, { identity: 'none', hasLocality: false, namespace: null })
}

test('Secrets and ConfigMaps by each field that names one, Pods and Namespaces where asked for', () => {
  const found = needs(
    object('Gateway', {
      servers: [{ tls: { credentialName: 'cert' } }],
      listeners: [
        {
          allowedRoutes: { namespaces: { from: 'Selector' } },
          tls: { certificateRefs: [{ name: 'own' }, { name: 'other', namespace: 'infra' }] },
        },
      ],
    }),
    object('BackendTLSPolicy', { validation: { caCertificateRefs: [{ kind: 'ConfigMap', name: 'ca' }] } }),
    object('VirtualService', { tcp: [{ match: [{ sourceNamespace: 'shop' }] }] }),
  )
  deepEqual(found, {
    pods: true,
    nodes: false,
    namespaces: true,
    secrets: ['infra/other', 'shop/cert', 'shop/cert-cacert', 'shop/own'],
    configMaps: ['shop/ca'],
  })
})

test('objects that no API server should let pass need nothing, and stop nothing', () => {
  const none = { pods: false, nodes: false, namespaces: false, secrets: [], configMaps: [] }
  const junk = [null, 1, 'x', [null], { tcp: [null, { match: [null, 2] }] }, deep(4_000)]
  for (const spec of junk) deepEqual(needs(object('VirtualService', spec), object('Gateway', spec)), none)
  const references = { listeners: [{ tls: { certificateRefs: [null, 1, { name: 'cert' }] } }] }
  deepEqual(needs(object('Gateway', references)), { ...none, secrets: ['shop/cert'] })
})
