/** Secrets among the resources: whatever is wrong with one, nothing of it is shown. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { renderJson, renderText } from '../../src/config/findings/render.ts'
import { type Loaded, loadConfig } from '../../src/config/load.ts'
import { withoutSecrets } from '../../src/config/text/secret-text.ts'

/** What must not be seen: any eight characters of it in a row. */
const KEY = 'TUlHSEFnRUFNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQkcwd2F3SUJBUVFn'

const SECRET = `apiVersion: v1
kind: Secret
metadata:
  name: cert
  namespace: shop
type: kubernetes.io/tls
data:
  tls.crt: ${KEY}
  tls.key: ${KEY}
`
const GATEWAY = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  selector: { app: edge }
  servers:
    - { hosts: ["*"], port: { number: 9000, name: tcp, protocol: TCP } }
`

const load = (text: string): Loaded =>
  loadConfig([{ file: 'a.yaml', bytes: new TextEncoder().encode(text) }], { names: new Map() })

/** All that an operator sees. */
function shown(text: string): string {
  const { diagnostics, resources } = load(text)
  return [
    renderText(diagnostics, { sourceOf: () => text }),
    renderText(diagnostics, { sourceOf: () => withoutSecrets(text) }),
    renderJson(diagnostics),
    JSON.stringify(resources),
  ].join('\n')
}

function assertVeiled(text: string): void {
  const seen = shown(text)
  for (let from = 0; from + 8 <= KEY.length; from++)
    assert.ok(!seen.includes(KEY.slice(from, from + 8)), `${seen}\n\nof\n\n${text}`)
}

test('a Secret is read without a word, and its digest is keyed', () => {
  const { diagnostics, resources } = load(`${SECRET}---\n${GATEWAY}`)
  assert.deepEqual(
    diagnostics.map(each => each.code),
    ['CFG462'], // no VirtualService names the Gateway
  )
  assert.deepEqual(
    resources.map(each => each.title),
    ['Secret shop/cert', 'Gateway shop/edge'],
  )
  assert.match(resources[0].digest, /^[0-9a-f]{64}$/)
  assert.equal(load(SECRET).resources[0].digest, resources[0].digest)
})

test('a broken Secret is reported without its text', () => {
  for (const [from, to] of [
    ['kind: Secret', `kind: Secret\n${KEY}`],
    ['data:', 'data'],
    ['  tls.key: ', '\ttls.key: '],
    ['  tls.key: ', '  - '],
    ['  name: cert', `  name: [${KEY}]`],
    ['  name: cert', `  name: "${KEY}/${KEY}"`],
    ['  name: cert', `  ${KEY}: cert`],
    ['  namespace: shop', `  namespace: ${KEY}`],
    ['type: ', `type: *${KEY} `],
    ['type: ', `type: !${KEY} `],
    ['tls.crt', 'tls.key'],
    ['apiVersion: v1', `apiVersion: ${KEY}`],
  ]) {
    const text = SECRET.replace(from, to)
    assert.ok(load(text).diagnostics.length > 0, text)
    assertVeiled(text)
    assertVeiled(`${GATEWAY}---\n${text}`)
  }
})

test('two Secrets of one name, in a list and as JSON', () => {
  assertVeiled(`${SECRET}---\n${SECRET}`)
  const item = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cert' }, data: { 'tls.key': KEY } }
  assertVeiled(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item, item] }))
  assertVeiled(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item, item] }).slice(0, -3))
})

test('no edit of a Secret makes its text visible', () => {
  const edit = fc.tuple(
    fc.nat(SECRET.indexOf(KEY) - 1),
    fc.nat(3),
    fc.constantFrom('', ' ', '\n', ':', '"', "'", '[', '{', '*', '&', '!', '|', '>', '-', '\t', '#'),
  )
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), edits => {
      let text = SECRET
      for (const [at, cut, put] of edits) text = text.slice(0, at) + put + text.slice(at + cut)
      assertVeiled(text)
    }),
    { numRuns: 300 },
  )
})
