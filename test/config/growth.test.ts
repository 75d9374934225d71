/**
 * Goal: no file of an operator's takes more than its length's share of time, however it is made.
 *
 * Method: inputs of many shapes, each at two sizes. The test asserts ratios, not times: sixteen
 * times the text may take a few times sixteen as long; quadratic work would take 256 times. It
 * counts this thread's processor time, so other processes do not matter, and repeats a shape that
 * seems to grow too fast.
 */

import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import { renderText } from '../../src/config/findings/render.ts'
import { loadConfig } from '../../src/config/load.ts'

const FACTOR = 16
const MOST = 4 * FACTOR
/** Below this, what is measured is mostly the clock. */
const LEAST_MS = 1
/** Of the least time each: compiling and collecting fall into some of the tries. */
const TRIES = 20
/** Characters of the smaller text. */
const SMALL = 3_000

const resource = (kind: string, spec: string, metadata = 'name: a', api = 'networking.istio.io/v1') =>
  `apiVersion: ${api}\nkind: ${kind}\nmetadata: {${metadata}}\nspec: {${spec}}\n`
const many = (count: number, each: (index: number) => string, between = ', '): string =>
  Array.from({ length: count }, (_, index) => each(index)).join(between)
const ROUTE = 'route: [{destination: {host: a.com}}]'
const routes = (spec: string, name = 'name: a') => resource('VirtualService', `hosts: [a.com], ${spec}`, name)
const service = (spec: string) => resource('ServiceEntry', `hosts: [a.com], resolution: STATIC, ${spec}`)

/** Texts by how often they say something. */
const SHAPES: Readonly<Record<string, (count: number) => string>> = {
  'markers behind a directive': n => `${'#c\n'.repeat(n)}%X\n${'---\n'.repeat(n)}`,
  'directives and markers in turn': n => '%X\n---\n'.repeat(n),
  'comments, then ends of documents': n => `${'# c\n'.repeat(n)}${'...\n'.repeat(n)}`,
  'empty documents': n => '---\n'.repeat(n),
  'documents without content': n => '---\n# c\n'.repeat(n),
  'open lists': n => '['.repeat(n),
  'closing brackets': n => ']\n'.repeat(n),
  'explicit keys': n => '? a\n'.repeat(n),
  'values without keys': n => ': b\n'.repeat(n),
  'anchors, none of them used': n => '&a '.repeat(n),
  'tags, none of them known': n => '!<x> '.repeat(n),
  'block scalars': n => '>-\n x\n'.repeat(n),
  'folded lines': n => `a: >\n${' b\n\n'.repeat(n)}`,
  'a quote that never closes': n => `a: "${'b\n '.repeat(n)}`,
  escapes: n => `a: "${'\\n'.repeat(n)}"`,
  'spaces behind a word': n => `a: b${' '.repeat(n)}# c`,
  'duplicate keys': n => 'a: 1\n'.repeat(n),
  'merges of a small mapping': n => `a: &a {b: c}\n${many(n, i => `m${i}: {<<: *a}\n`, '')}`,
  'one long word': n => `a: ${'b'.repeat(n)}`,
  'one long number': n => `a: ${'1'.repeat(n)}`,
  'a long name': n => resource('Gateway', '', `name: "${'a-'.repeat(n)}"`),
  'a long duration': n => routes(`http: [{${ROUTE}, timeout: "${'1h'.repeat(n)}"}]`),
  'unknown fields of the metadata': n => resource('Gateway', '', `name: a, ${many(n, i => `x${i}: 1`)}`),
  'labels that are no texts': n => resource('Gateway', '', `name: a, labels: {${many(n, i => `x${i}: 1`)}}`),
  'unknown fields of a spec': n =>
    resource(
      'Gateway',
      many(n, i => `x${i}: 1`),
    ),
  'unknown fields beside the spec': n => resource('Gateway', '') + many(n, i => `x${i}: 1\n`, ''),
  'unknown Settings': n =>
    resource(
      'Settings',
      many(n, i => `x${i}: 1`),
      'name: a',
      'gateway.weir/v1',
    ),
  'unknown annotations': n =>
    routes(`tcp: [{${ROUTE}}]`, `name: a, annotations: {${many(n, i => `gateway.weir/x${i}: "1"`)}}`),
  'items that are no resources': n => `apiVersion: v1\nkind: List\nitems: [${many(n, i => `${i}`)}]\n`,
  'hosts that are none': n =>
    resource('VirtualService', `hosts: [${many(n, i => `"a_${i}!"`)}], tcp: [{${ROUTE}}]`),
  'rules of all kinds': n =>
    routes(`tcp: [${many(n, i => `{match: [{sourceLabels: {a: b${i}}}], ${ROUTE}}`)}]`),
  'gateways that a match asks for': n =>
    routes(
      `gateways: [${many(n, i => `g${i}`)}], tcp: [{match: [{gateways: [${many(n, i => `h${i}`)}]}], ${ROUTE}}]`,
    ),
  'server names of servers and routes': n =>
    resource(
      'Gateway',
      `servers: [{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [${many(n, i => `a${i}.b.c.com`)}]}]`,
    ) +
    '---\n' +
    resource(
      'VirtualService',
      `hosts: ['*.com'], gateways: [a], tls: [${many(n, i => `{match: [{sniHosts: [a${i}.b.c.com, '*.b.c.com']}], ${ROUTE}}`)}]`,
    ),
  'ports of endpoints': n =>
    service(
      `ports: [{number: 1, name: tcp, protocol: TCP}], endpoints: [{address: 10.0.0.1, ports: {${many(n, i => `p${i}: 1`)}}}]`,
    ),
  'ports of a service': n =>
    resource(
      'Service',
      `clusterIP: 10.0.0.1, ports: [${many(n, i => `{port: ${1 + (i % 65_535)}, name: p${i}}`)}]`,
      'name: a',
      'v1',
    ),
  'VirtualServices that share a host': n => many(n, i => routes(`tcp: [{${ROUTE}}]`, `name: v${i}`), '---\n'),
  'resources that are called the same': n => many(n, () => routes(`tcp: [{${ROUTE}}]`), '---\n'),
}

/** Milliseconds of this thread's processor time for the text, from bytes to what a person reads. */
function costOf(text: string): number {
  const bytes = Buffer.from(text)
  const before = process.threadCpuUsage()
  const { diagnostics } = loadConfig([{ file: 'f.yaml', bytes }], { names: new Map() })
  renderText(diagnostics, { sourceOf: () => text })
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`the time grows as the text does: ${name}`, () => {
    const count = Math.ceil(SMALL / (shape(17).length - shape(16).length))
    const [small, large] = [shape(count), shape(FACTOR * count)]
    costOf(small) // compiles what is run
    let [least, lowest, ratio] = [costOf(small), costOf(large), 0]
    for (let tries = 0; tries < TRIES; tries++) {
      ratio = lowest / Math.max(least, LEAST_MS)
      if (ratio <= MOST) break
      least = Math.min(least, costOf(small))
      lowest = Math.min(lowest, costOf(large))
    }
    ok(ratio <= MOST, `${FACTOR} times the text took ${ratio.toFixed(0)} times as long`)
  })
}
