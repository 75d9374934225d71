/**
 * Goal: a reload that reads only what has changed gives what a first load would give: the same
 * findings at the same places, the same resources, the same Plan, and the same table byte for byte.
 *
 * Method: files of documents of every sort, right and wrong, edited again and again at random.
 * After each edit one reading with memory is compared with one without.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadConfig } from '../../src/config/load.ts'
import { LoadMemory } from '../../src/config/load-memory.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { runs } from '../support/full.ts'

const istio = (kind: string, name: string, spec: string, metadata = ''): string =>
  `apiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: ${name}${metadata}}\nspec:\n${spec}\n`

const gateway = (port: number): string =>
  istio(
    'Gateway',
    'edge',
    `  servers:\n    - {port: {number: ${port}, name: t, protocol: TCP}, hosts: ['*']}`,
  )
const entry = (name: string, address: string): string =>
  istio(
    'ServiceEntry',
    name,
    `  hosts: [${name}.com]\n  ports: [{number: 80, name: t, protocol: TCP}]\n  resolution: STATIC\n  endpoints: [{address: ${address}}]`,
  )
const routes = (name: string, host: string, subnet: string, metadata = ''): string =>
  istio(
    'VirtualService',
    name,
    `  hosts: ['*']\n  gateways: [edge]\n  tcp:\n    - {match: [{destinationSubnets: [${subnet}]}], route: [{destination: {host: ${host}.com}}]}\n    - route: [{destination: {host: ${host}.com}}]`,
    metadata,
  )

/** Each is wrong in another way, or written in another way. */
const ODD: readonly string[] = [
  '',
  '# nothing but a comment\n',
  'just text\n',
  '- a list\n',
  'kind: [unclosed\n',
  `${entry('c', '127.0.0.3')}unknown: 1\n`,
  entry('a', '127.0.0.9'),
  entry('d', '127.0.0.4').replace('127', '"{{ .Values.a }}"'),
  entry('e', '127.0.0.5').replace('metadata', 'metadata: {name: twice}\nmetadata'),
  entry('f', '127.0.0.6').replace('number: 80', 'number: -0'),
  entry('f', '127.0.0.6').replace('[f.com]', '["\\uD800.com"]'),
  entry('g', '127.0.0.7').replace('[g.com]', '&hosts [g.com, h.com]').concat('  exportTo: *hosts\n'),
  `x: &x {resolution: STATIC}\n${entry('i', '127.0.0.8').replace('resolution: STATIC', '<<: *x')}`,
  entry('j', '127.0.0.10')
    .replace('80', '80.0')
    .replace('name: t', 'constructor: 1, toJSON: 2, 7: 3, name: t'),
  routes('nowhere', 'undefined', '10.0.0.0/8'),
  routes('warned', 'a', '10.0.0.0/8', ', annotations: {gateway.weir/spilt: random}'),
  'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {tls.key: a}\ntype: 1\n',
  'apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: b}\nstringData: {tls.key: a}\n',
  `apiVersion: v1\nkind: List\nitems:\n${entry('k', '127.0.0.11')
    .replace(/^(?=.)/gm, '    ')
    .replace('    api', '  - api')}  - 3\n`,
  'apiVersion: gateway.weir/v1\nkind: Settings\nmetadata: {name: weir}\nspec: {mesh: {capture: none}}\n',
  'apiVersion: gateway.weir/v1\nkind: Settings\nmetadata: {name: weir}\nspec: {profile: ambient, workers: x}\n',
  'apiVersion: other.io/v1\nkind: Thing\n',
  'kind: Kustomization\nresources: [a.yaml]\n',
  'a: {{ template }}\n',
  '%YAML 1.2\n',
  '...\n',
]

const document = fc.oneof(
  { arbitrary: fc.constantFrom(...ODD), weight: 1 },
  { arbitrary: fc.nat(1).map(low => gateway(15_000 + low)), weight: 1 },
  {
    arbitrary: fc
      .tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 1, max: 3 }))
      .map(([name, low]) => entry(name, `127.0.0.${low}`)),
    weight: 2,
  },
  {
    arbitrary: fc
      .tuple(fc.constantFrom('r', 's', 't'), fc.constantFrom('a', 'b'), fc.nat(3))
      .map(([name, host, low]) => routes(name, host, `10.${low}.0.0/16`)),
    weight: 3,
  },
)

const NAMES = ['a.yaml', 'b.yaml', 'kustomization.yaml', 'values.yaml']
const file = fc.nat(NAMES.length - 1)

type Files = Map<number, string[]>
type Edit = (files: Files) => void

/** The documents of one of the files there are. */
const inFile = (files: Files, at: number): string[] => [...files.values()][at % files.size] ?? []

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.constant<Edit>(() => {}),
  fc.tuple(file, fc.nat(9), document).map(
    ([at, where, text]): Edit =>
      files =>
        void inFile(files, at).splice(where, 0, text),
  ),
  fc.tuple(file, fc.nat(9), document).map(
    ([at, where, text]): Edit =>
      files =>
        void inFile(files, at).splice(where, 1, text),
  ),
  fc.tuple(file, fc.nat(9)).map(
    ([at, where]): Edit =>
      files =>
        void inFile(files, at).splice(where, 1),
  ),
  fc.tuple(file, file, fc.nat(9)).map(
    ([from, to, where]): Edit =>
      files =>
        void inFile(files, to).push(...inFile(files, from).splice(where, 2)),
  ),
  fc.tuple(file, fc.array(document, { maxLength: 4 })).map(
    ([name, texts]): Edit =>
      files =>
        void files.set(name, texts),
  ),
  fc.tuple(file, fc.nat(9), fc.nat(400), fc.constantFrom('', ' ', '\n', 'x', '"', '{', '0', '\u0001')).map(
    ([at, where, offset, text]): Edit =>
      files => {
        const documents = inFile(files, at)
        const old = documents[where]
        if (old !== undefined) documents[where] = old.slice(0, offset) + text + old.slice(offset + 1)
      },
  ),
  fc.tuple(file).map(
    ([name]): Edit =>
      files =>
        void (files.size > 1 && files.delete(name)),
  ),
)

const written = (files: Files) =>
  [...files].map(([name, documents]) => ({
    file: NAMES[name],
    bytes: new TextEncoder().encode(documents.join('---\n')),
  }))

function loaded(files: Files, memory?: LoadMemory) {
  const {
    defines: _,
    stages: __,
    ...rest
  } = loadConfig(written(files), {
    names: new Map(),
    lint: { notes: true, openPortsFrom: 1024 },
    ...(memory && { memory }),
  })
  return rest
}

test('a reading that parses only what changed gives what a first reading gives', () => {
  let plans = 0
  fc.assert(
    fc.property(
      fc.array(document, { maxLength: 6 }),
      fc.array(edit, { minLength: 1, maxLength: 12 }),
      (first, edits) => {
        const memory = new LoadMemory()
        const files: Files = new Map([
          [0, [gateway(15_000), entry('a', '127.0.0.1'), entry('b', '127.0.0.2')]],
          [1, [routes('r', 'a', '10.0.0.0/16'), ...first]],
        ])
        for (const each of [() => {}, ...edits]) {
          each(files)
          const whole = loaded(files)
          const part = loaded(files, memory)
          deepEqual(part, whole)
          if (whole.plan === null || part.plan === null) continue
          plans++
          const tables = [whole.plan, part.plan].map(plan => buildTable(plan, 1, () => 0))
          for (const name of ['routing', 'endpoints', 'clients'] as const)
            equal(Buffer.compare(new Uint8Array(tables[0][name]), new Uint8Array(tables[1][name])), 0, name)
        }
      },
    ),
    { numRuns: runs(400) },
  )
  ok(plans > 20, `only ${plans} tables were compared`)
})

test('a document is parsed once, whatever file it is in', () => {
  const memory = new LoadMemory()
  loaded(new Map([[0, ['', gateway(1), entry('a', '127.0.0.1')]]]), memory)
  loaded(new Map([[1, ['', entry('b', '127.0.0.2'), gateway(1), entry('a', '127.0.0.1')]]]), memory)
  equal(memory.documents.parsed, 1)
})

test('findings of documents that stay as they are have the same places in each load', () => {
  const tcp = Array.from({ length: 12 }, (_, at) =>
    ['a', 'b'].map(
      host =>
        `    - {match: [{destinationSubnets: [10.${at}.0.0/16]}], route: [{destination: {host: ${host}.com}}]}`,
    ),
  )
  const spec = `  hosts: ['*']\n  gateways: [edge]\n  tcp:\n${tcp.flat().join('\n')}`
  const files: Files = new Map([
    [0, [gateway(15_000), entry('a', '127.0.0.1'), entry('b', '127.0.0.2')]],
    [1, ['', istio('VirtualService', 'r', spec), istio('VirtualService', 's', spec)]],
  ])
  const memory = new LoadMemory()
  const whole = loaded(files)
  ok(whole.diagnostics.length > 12, `only ${whole.diagnostics.length} findings`)
  for (let load = 0; load < 4; load++) deepEqual(loaded(files, memory), whole)
  files.get(1)?.unshift('# moved\n')
  for (let load = 0; load < 3; load++) deepEqual(loaded(files, memory), loaded(files))
})
