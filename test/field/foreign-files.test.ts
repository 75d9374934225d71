/**
 * Files that are not weir's, beside those that are: other kinds, other groups, parts of charts,
 * templates.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check, codes, findings } from './kit.ts'

const SERVICE_ENTRY = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db, namespace: shop}
spec:
  hosts: [db.example.com]
  addresses: [10.9.0.1]
  resolution: STATIC
  ports: [{number: 5432, name: tcp, protocol: TCP}]
  endpoints: [{address: 10.9.1.1}]
`

test('a kind that weir does not read is ignored with one note, whatever its metadata', () => {
  const others = [
    'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [app.yaml]',
    'apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {profile: minimal}',
    'apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: load-}',
    'apiVersion: tasks.example.com/v1\nkind: Task\nmetadata: {name: remove the fault, namespace: No/Such, category: x}',
    'apiVersion: v1\nkind: LimitRange\nmetadata: {name: 5, labels: {a: 1}, annotations: [], creationTimestamp: now}',
    'apiVersion: v1\nkind: Config\nmetadata: []',
    'apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {generateName: x-}',
  ]
  for (const text of others) {
    const code = text.includes('Sidecar') ? 'CFG305' : 'CFG306'
    assert.deepEqual(codes({ 'a.yaml': SERVICE_ENTRY, 'b.yaml': text }), [code], text)
  }
})

test('two of them may have one name, or none', () => {
  const job = 'apiVersion: batch/v1\nkind: Job\nmetadata: {name: load}\n---\n'
  assert.deepEqual(codes({ 'a.yaml': job.repeat(2) }), ['CFG306', 'CFG306'])
  assert.deepEqual(codes({ 'a.yaml': job.replace('name: load', 'generateName: load-').repeat(2) }), [
    'CFG306',
    'CFG306',
  ])
})

test('a list of such a kind has one note, and so has a List of another group', () => {
  const items = 'items: [{metadata: {name: a}}, {metadata: {}}, 5]'
  assert.deepEqual(codes({ 'a.yaml': `apiVersion: apps/v1\nkind: DeploymentList\n${items}` }), ['CFG306'])
  assert.deepEqual(codes({ 'a.yaml': `apiVersion: shop.example/v1\nkind: PriceList\nitems: {a: 1}` }), [
    'CFG306',
  ])
  assert.deepEqual(codes({ 'a.yaml': 'apiVersion: shop.example/v1\nkind: List\nitems: none' }), ['CFG306'])
  const mixed = `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: batch/v1, kind: Job, metadata: {generateName: a-}}\n- ${SERVICE_ENTRY.trim().replaceAll('\n', '\n  ')}\n`
  assert.deepEqual(codes({ 'a.yaml': mixed }), ['CFG306'])
})

test('a kind of the same name in a group of somebody else is another kind', () => {
  for (const [apiVersion, kind] of [
    ['policy.linkerd.io/v1alpha1', 'AuthorizationPolicy'],
    ['appmesh.k8s.aws/v1beta2', 'VirtualService'],
    ['gateway.solo.io/v1', 'VirtualService'],
    ['networking.x-k8s.io/v1alpha1', 'Gateway'],
    ['serving.knative.dev/v1', 'Service'],
    ['core.oam.dev/v1beta1', 'Service'],
    ['multicluster.linkerd.io/v1', 'ServiceEntry'],
    ['example.io/v1', 'Settings'],
    ['example.io/v1', 'Pod'],
  ]) {
    const found = findings({ 'a.yaml': `apiVersion: ${apiVersion}\nkind: ${kind}\nspec: {x: 1}` })
    assert.deepEqual(
      found.map(each => each.code),
      ['CFG306'],
      apiVersion,
    )
    assert.equal(
      found[0].message,
      `weir does not read ${kind} of ${apiVersion.slice(0, apiVersion.indexOf('/'))}; it is ignored`,
    )
  }
})

test('a group that was meant to be ours is a mistake, not another group', () => {
  for (const [apiVersion, kind] of [
    ['networking.istio.io/v2', 'Gateway'],
    ['networking.isto.io/v1', 'Gateway'],
    ['network.istio.io/v1', 'VirtualService'],
    ['istio.io/v1', 'VirtualService'],
    ['security.istio.io/v1', 'Gateway'],
    ['networking.istio.io/v1', 'Service'],
    ['v1', 'VirtualService'],
    ['apps/v1', 'Service'],
    ['gateway.wier/v1', 'Settings'],
    ['discovery.k8s.io/v1beta1', 'EndpointSlice'],
  ]) {
    const found = codes({ 'a.yaml': `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}` })
    assert.ok(found.includes('CFG105'), `${apiVersion} ${kind}`)
  }
})

test('a kustomization may leave out what it is', () => {
  const text = 'resources: [app.yaml]\nnamespace: shop\n'
  assert.deepEqual(codes({ 'base/kustomization.yaml': text, 'app.yaml': SERVICE_ENTRY }), ['CFG306'])
  assert.deepEqual(codes({ 'base/other.yaml': text }), ['CFG020'])
})

const TEMPLATE = `{{- if .Values.gateway.enabled }}
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: {{ .Release.Name }}-gw
  labels:
    {{- include "labels" . | nindent 4 }}
spec:
  servers:
  - port: {number: {{ .Values.port }}, name: tcp, protocol: TCP}
    hosts: ["*"]
{{- end }}
---
apiVersion: v1
kind: Service
metadata: {labels: {a: 1}}
`

test('a template is one error a file, and nothing of the file is read', () => {
  const expected = (line: number) => `a.yaml:${line} CFG016 this is a template: render it first`
  assert.deepEqual(check({ 'a.yaml': TEMPLATE, 'b.yaml': SERVICE_ENTRY }), [expected(1)])
  assert.deepEqual(check({ 'a.yaml': `# a chart\n${SERVICE_ENTRY}---\n${TEMPLATE}` }), [expected(13)])
  assert.deepEqual(check({ 'a.yaml': `spec:\n  port: {{ .Values.port }}\n` }), [expected(2)])
  assert.deepEqual(check({ 'a.yaml': '{% if x %}\nkind: Pod\n{% endif %}\n' }), [expected(1)])
  assert.deepEqual(check({ 'a.yaml': TEMPLATE.repeat(100) }), [expected(1)])
})

test('so is one whose braces YAML takes for text', () => {
  const entry = SERVICE_ENTRY.replace('name: db,', "name: '{{ .Release.Name }}',")
    .replace('number: 5432', "number: '{{ .Values.port }}'")
    .replace('[10.9.0.1]', "['{{ .Values.address }}']")
  assert.deepEqual(check({ 'a.yaml': entry }), ['a.yaml:4 CFG016 this is a template: render it first'])
  const port = SERVICE_ENTRY.replace('number: 5432', 'number: "$' + '{PORT}"')
  assert.deepEqual(check({ 'a.yaml': port }), ['a.yaml:9 CFG016 this is a template: render it first'])
  const plain = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web-{{ .Release.Name }}\nspec: {}\n'
  assert.deepEqual(check({ 'a.yaml': plain }), ['a.yaml:4 CFG016 this is a template: render it first'])
  const flow = SERVICE_ENTRY.replace('number: 5432', 'number: $' + '{PORT}')
  assert.deepEqual(check({ 'a.yaml': flow }), ['a.yaml:9 CFG016 this is a template: render it first'])
})

test('braces in texts of other kinds, in comments and in blocks are none', () => {
  const others = [
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dashboard}\ndata:\n  a.json: |\n    {{- range . }}\n    {"legendFormat": "{{pod}}"}\n  b: "{{ $x }}"\n',
    `# {{ a comment }}\n${SERVICE_ENTRY}`,
    SERVICE_ENTRY.replace('namespace: shop', "namespace: shop, annotations: {t: '{{ with secret }}'}"),
  ]
  for (const text of others)
    assert.deepEqual(
      codes({ 'a.yaml': text }).filter(code => code !== 'CFG306'),
      [],
      text,
    )
})

test('the values of a chart, and what it is called, are said to be parts of one', () => {
  const values = 'gateway:\n  enabled: true\nport: 80\n'
  const message = 'CFG016 this file is a template of a Helm chart: render it first'
  for (const file of ['values.yaml', 'x/values-prod.yaml', 'x/prod.values.yml', 'values.schema.json'])
    assert.deepEqual(check({ [file]: values }), [`${file}:1 ${message}`])
  assert.deepEqual(check({ 'chart/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n' }), [
    `chart/Chart.yaml:1 ${message}`,
  ])
  assert.deepEqual(codes({ 'values.yaml': SERVICE_ENTRY }), [])
})

test('a document without apiVersion and kind is one error', () => {
  assert.deepEqual(check({ 'docker-compose.yaml': 'services:\n  web: {image: nginx}\n' }), [
    'docker-compose.yaml:1 CFG020 not a resource: apiVersion and kind are missing',
  ])
})
