import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Diagnostic, Findings, type Path } from '../../src/config/findings/diagnostic.ts'
import type { Resource } from '../../src/config/resource.ts'
import { readDocuments } from '../../src/config/text/read-documents.ts'

/** Reads files given as text; the findings come in the short form that an operator sees. */
function read(...texts: string[]): { resources: Resource[]; found: string[]; list: readonly Diagnostic[] } {
  const findings = new Findings()
  const files = texts.map((text, index) => ({ file: 'abc'[index], bytes: Buffer.from(text) }))
  const resources = readDocuments(files, findings)
  return { resources, found: findings.list.map(short), list: findings.list }
}

const short = ({ file, line, column, code }: Diagnostic) => `${file}:${line}:${column} ${code}`

const placeOf = (resource: Resource, ...path: Path): string => {
  const { line, column } = resource.locate(path)
  return `${line}:${column}`
}

/** A resource as text; `spec` is the text after "spec: ". */
const document = (name: string, spec = '{}') =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: ${name}\nspec: ${spec}\n`

/** The value of a plain scalar. */
const meaning = (scalar: string): unknown => read(document('x', scalar)).resources[0]?.value.spec

test('a resource carries its value, its completed metadata and its number', () => {
  const { resources, found } = read(document('one'), `${document('two')}---\n${document('three')}`)
  assert.deepEqual(found, [])
  assert.deepEqual(
    resources.map(({ title, file, ordinal }) => [title, file, ordinal]),
    [
      ['VirtualService default/one', 'a', 0],
      ['VirtualService default/two', 'b', 1],
      ['VirtualService default/three', 'b', 2],
    ],
  )
  assert.deepEqual(resources[0].value, {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'one' },
    spec: {},
  })
  assert.deepEqual(resources[0].metadata, {
    name: 'one',
    namespace: 'default',
    labels: {},
    annotations: {},
    createdMs: null,
  })
})

test('JSON is read as YAML, with places', () => {
  const { resources, found } = read(
    '{\n\t"apiVersion": "v1",\n\t"kind": "Service",\n\t"metadata": {"name": "s"},\n\t"spec": {"a/b": [1, 2]}\n}',
  )
  assert.deepEqual(found, [])
  assert.deepEqual(resources[0].value.spec, { 'a/b': [1, 2] })
  assert.equal(placeOf(resources[0], 'spec', 'a/b', 1), '5:22')
})

test('objects of JSON that follow each other are documents, as kubectl reads them', () => {
  const object = (name: string, more = '') =>
    `{"apiVersion":"v1","kind":"Service","metadata":{"name":"${name}"}${more}}`
  const names = (text: string) => {
    const { resources, found } = read(text)
    return [resources.map(each => `${each.metadata.name} ${each.locate(['kind']).line}`), found]
  }
  const lines = `${object('a')}\n${object('b')}\n\n${object('c')}\n`
  assert.deepEqual(names(lines), [['a 1', 'b 2', 'c 4'], []])
  assert.deepEqual(names(`${object('a')} ${object('b')}${object('c')}`), [['a 1', 'b 1', 'c 1'], []])
  const tricky = object('a', ',"spec":{"x":"} {\\"}{","y":{}}')
  assert.deepEqual(names(`---\n${tricky}\n${tricky.replace('"a"', '"b"')}`), [['a 2', 'b 3'], []])
  const list = (...items: string[]) => `{"apiVersion":"v1","kind":"List","items":[${items.join(', ')}]}\n`
  assert.deepEqual(names(list(object('a')) + list(object('b'), object('c'))), [['a 1', 'b 2', 'c 2'], []])
  // What is YAML stays whole, and what is neither is told where it ends.
  const flow = `{apiVersion: v1, kind: Service, metadata: {name: a, annotations: {x: '} {', y: "} {"}}}`
  assert.deepEqual(names(flow), [['a 1'], []])
  const { list: findings } = read(`${flow}\n${flow}`)
  assert.match(String(findings[0].hint), /begin the next one behind a line with only "---"/)
  assert.deepEqual(names(`${object('a')}\n${object('b').slice(0, -1)}`)[1].length, 1)
})

test('what Kubernetes keeps in the metadata disturbs nothing', () => {
  const { resources, found } = read(`apiVersion: v1
kind: Namespace
metadata:
  name: shop
  namespace: ignored
  uid: 1234-5
  resourceVersion: "9007199254740993"
  generation: 2
  creationTimestamp: 2024-02-29T10:00:00Z
  labels: {app: web, empty: null}
  annotations:
    note: "true"
  managedFields:
  - {manager: kubectl, fieldsV1: {"f:spec": {"f:ports": {"k:{\\"port\\":80}": {}}}}}
status: {phase: Active}
`)
  assert.deepEqual(found, [])
  assert.equal(resources[0].id, 'shop')
  assert.deepEqual(resources[0].metadata, {
    name: 'shop',
    namespace: '',
    labels: { app: 'web', empty: '' },
    annotations: { note: 'true' },
    createdMs: Date.UTC(2024, 1, 29, 10),
  })
})

test('each part of a resource that is missing or wrong is reported where it stands', () => {
  const cases: readonly [text: string, ...found: string[]][] = [
    ['kind: Pod\nmetadata: {name: x}', 'a:1:1 CFG021'],
    ['apiVersion: 1\nkind: Pod\nmetadata: {name: x}', 'a:1:13 CFG021'],
    ['apiVersion: v1\nmetadata: {name: x}', 'a:1:1 CFG022'],
    ['apiVersion: v1\nkind: [Pod]\nmetadata: {name: x}', 'a:2:7 CFG022'],
    ['apiVersion: v1\nkind: Pod', 'a:1:1 CFG023'],
    ['apiVersion: v1\nkind: Pod\nmetadata:', 'a:3:1 CFG023'],
    ['apiVersion: v1\nkind: Pod\nmetadata: []', 'a:3:11 CFG023'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}', 'a:3:11 CFG024'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: 5}', 'a:3:18 CFG024'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: a/b}', 'a:3:18 CFG024'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: "a\\e[31m"}', 'a:3:18 CFG024'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: A.b}', 'a:3:32 CFG024'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {v: 1}}', 'a:3:33 CFG025'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: []}', 'a:3:34 CFG025'],
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a, creationTimestamp: 2026-02-30T00:00:00Z}',
      'a:3:40 CFG026',
    ],
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a, creationTimestamp: 2026-13-01T00:00:00Z}',
      'a:3:40 CFG026',
    ],
    [
      'apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespaces: b\n  label:\n    c: d',
      'a:5:15 CFG102',
      'a:6:3 CFG102',
    ],
    ['- a', 'a:1:1 CFG020'],
    ['\n# only words\nhello', 'a:3:1 CFG020'],
    ['{}', 'a:1:1 CFG020'],
  ]
  for (const [text, ...expected] of cases) assert.deepEqual(read(text).found, expected, text)
})

test('empty documents and files say nothing', () => {
  const { resources, found } = read('', '---\n---\n# a comment\n---\n...\n---\nnull\n', ' \n\t\n')
  assert.deepEqual(found, [])
  assert.deepEqual(resources, [])
})

test('a List is expanded, each item with its own places', () => {
  const { resources, found } = read(`apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: one}
- apiVersion: v1
  kind: List
  items:
  - apiVersion: v1
    kind: Service
    metadata:
      name: two
- 5
- {}
`)
  assert.deepEqual(
    resources.map(({ title }) => title),
    ['Service default/one', 'Service default/two'],
  )
  assert.equal(placeOf(resources[0], 'metadata', 'name'), '6:20')
  assert.equal(placeOf(resources[1], 'metadata', 'name'), '13:13')
  assert.deepEqual(found, ['a:14:3 CFG020', 'a:15:3 CFG020'])
})

test('the items of a typed list inherit what they leave out', () => {
  const { resources, found } = read(
    'apiVersion: v1\nkind: PodList\nmetadata: {resourceVersion: ""}\nitems:\n- metadata: {name: p}\n- kind: Other\n  metadata: {name: q}\n',
  )
  assert.deepEqual(found, [])
  assert.deepEqual(
    resources.map(({ apiVersion, title }) => [apiVersion, title]),
    [
      ['v1', 'Pod default/p'],
      ['v1', 'Other default/q'],
    ],
  )
})

test('a kind that only sounds like a list is a resource, and items that are no list are a mistake', () => {
  assert.equal(read('apiVersion: v1\nkind: PriceList\nmetadata: {name: a}').resources[0].kind, 'PriceList')
  assert.deepEqual(read('apiVersion: v1\nkind: List\nitems: 5').found, ['a:3:8 CFG020'])
})

test('locate finds the value, the key of a block or of an empty value, or the nearest parent', () => {
  const { resources } = read(
    document(
      'x',
      '\n  hosts:\n  - a\n  - "b"\n  empty:\n  80: z\n  10: y\n  deep: {k: [1, {m: |\n    t}]}\n',
    ).replace(', {m: |\n    t}', ', {m: t}'),
  )
  const at = (...path: Path) => placeOf(resources[0], ...path)
  assert.equal(at(), '1:1')
  assert.equal(at('metadata'), '3:1')
  assert.equal(at('spec', 'hosts'), '6:3')
  assert.equal(at('spec', 'hosts', 1), '8:5')
  assert.equal(at('spec', 'hosts', 2), '6:3')
  assert.equal(at('spec', 'hosts', 'length'), '6:3')
  assert.equal(at('spec', 'empty'), '9:3')
  assert.equal(at('spec', 'empty', 'more'), '9:3')
  assert.equal(at('spec', '80'), '10:7')
  assert.equal(at('spec', '10'), '11:7')
  assert.equal(at('spec', 'deep', 'k', 1, 'm'), '12:21')
  assert.equal(at('spec', 'absent', 'field'), '5:1')
  assert.equal(at('spec', 'constructor'), '5:1')
})

test('places are right with CRLF, after a byte order mark and in later documents', () => {
  const text = `\uFEFF${document('x')}---\n${document('z')}`.replaceAll('\n', '\r\n')
  const { resources, found } = read(text)
  assert.deepEqual(found, [])
  assert.equal(placeOf(resources[0], 'apiVersion'), '1:13')
  assert.equal(placeOf(resources[1], 'spec'), '11:7')
})

test('a plain scalar means what Kubernetes makes of it', () => {
  const cases: readonly [scalar: string, value: unknown][] = [
    ['yes', true],
    ['On', true],
    ['y', true],
    ['NO', false],
    ['off', false],
    ['yEs', 'yEs'],
    ['~', null],
    ['Null', null],
    ['0777', 511],
    ['0o17', 15],
    ['0x1F', 31],
    ['0b101', 5],
    ['-0x10', -16],
    ['0888', 888],
    ['1_000', 1000],
    ['+5', 5],
    ['0', 0],
    ['1.50', 1.5],
    ['.5', 0.5],
    ['1e3', 1000],
    ['1e999', '1e999'],
    ['1:30', '1:30'],
    ['2026-01-02', '2026-01-02'],
    ['10.0.0.1', '10.0.0.1'],
    ['"yes"', 'yes'],
    ["'0777'", '0777'],
    ['!!str 5', '5'],
    ['! 5', '5'],
    ['!!int "5"', 5],
    ['!!float 5', 5],
    ['!!bool "yes"', true],
    ['!!null ""', null],
    ['|\n  no', 'no\n'],
  ]
  for (const [scalar, value] of cases) assert.deepEqual(meaning(scalar), value, scalar)
})

test('keys become text as in Kubernetes, and a key without text is refused', () => {
  assert.deepEqual(meaning('{80: a, on: b, 0777: c, 1.5: d}'), { 80: 'a', true: 'b', 511: 'c', 1.5: 'd' })
  assert.deepEqual(read(document('x', '{~: a}')).found, ['a:5:8 CFG008'])
  assert.deepEqual(read(document('x', '\n  ? [a, b]\n  : c')).found, ['a:6:5 CFG008'])
})

test('aliases and merges stand for what they name, and are located where that stands', () => {
  const { resources, found } = read(
    document(
      'x',
      '\n  base: &base {a: 1, b: &b [1]}\n  copy: *base\n  more:\n    <<: *base\n    b: 2\n  list: {<<: [{c: 3}, *base]}',
    ),
  )
  assert.deepEqual(found, [])
  const base = { a: 1, b: [1] }
  assert.deepEqual(meaning('{&k a: 1, b: {*k : 2}}'), { a: 1, b: { a: 2 } })
  assert.deepEqual(resources[0].value.spec, {
    base,
    copy: base,
    more: { b: 2, a: 1 },
    list: { c: 3, ...base },
  })
  assert.equal(placeOf(resources[0], 'spec', 'copy'), '7:9')
  assert.equal(placeOf(resources[0], 'spec', 'copy', 'a'), '6:19')
  assert.equal(placeOf(resources[0], 'spec', 'more', 'a'), '6:19')
  assert.equal(placeOf(resources[0], 'spec', 'more', 'b'), '10:8')
})

test('an alias that names nothing, or itself, and a merge of no mapping are refused', () => {
  assert.deepEqual(read(document('x', '{a: *no}')).found, ['a:5:11 CFG009'])
  assert.deepEqual(read(document('x', '[*no, *nor]')).found, ['a:5:8 CFG009', 'a:5:13 CFG009'])
  assert.deepEqual(read(document('x', '&a [*a]')).found, ['a:5:11 CFG009'])
  assert.deepEqual(read(document('x', '{<<: 5}')).found, ['a:5:8 CFG009'])
  assert.deepEqual(read(document('x', '&a {b: *a}')).resources, [])
})

test('numbers that would change, or that JSON does not have, are reported', () => {
  assert.deepEqual(read(document('x', '9007199254740993')).list[0].severity, 'warning')
  assert.deepEqual(read(document('x', '{a: 9007199254740993}')).found, ['a:5:11 CFG011'])
  assert.deepEqual(read(document('x', `${'9'.repeat(390)}`)).found, ['a:5:7 CFG013'])
  assert.deepEqual(read(document('x', '{a: .inf, b: .nan}')).found, ['a:5:11 CFG013', 'a:5:20 CFG013'])
})

test('every duplicate key is reported and the first one holds', () => {
  const { resources, found, list } = read(document('x', '\n  a: 1\n  "a": 2\n  b: {c: 1, c: 2}'))
  assert.deepEqual(found, ['a:7:3 CFG007', 'a:8:13 CFG007'])
  assert.match(list[0].message, /"a" appears twice .* line 6/)
  assert.deepEqual(resources[0].value.spec, { a: 1, b: { c: 1 } })
})

test('two resources of one group, kind, namespace and name are an error that names both places', () => {
  const { resources, found, list } = read(
    document('x'),
    document('x').replace('/v1', '/v1beta1').replace('name:', 'namespace: default\n  name:'),
    `${document('x').replace('networking.istio.io', 'other.io')}---\n${document('x').replace('name:', 'namespace: ns\n  name:')}`,
  )
  assert.deepEqual(found, ['b:5:9 CFG027'])
  assert.match(list[0].message, /a:4:9/)
  assert.equal(list[0].resource, 'VirtualService default/x')
  assert.deepEqual(
    resources.map(({ file, id, ordinal }) => [file, id, ordinal]),
    [
      ['a', 'default/x', 0],
      ['c', 'default/x', 1],
      ['c', 'ns/x', 2],
    ],
  )
})

test('a broken document hides no mistake and no resource of its file or of others', () => {
  const { resources, found } = read(
    `a: "never closed\n---\n${document('one')}---\nb: [1\n...\n${document('two')}---\nkind: X\n`,
    document('three'),
  )
  assert.deepEqual(
    resources.map(({ metadata }) => metadata.name),
    ['one', 'two', 'three'],
  )
  assert.deepEqual(found.slice(0, 1), ['a:1:4 CFG005'])
  assert.deepEqual(found.slice(-2), ['a:17:1 CFG021', 'a:17:1 CFG023'])
})

test('mistakes of syntax are reported once a line, where they are', () => {
  const cases: readonly [text: string, ...found: string[]][] = [
    ["a: 'x\nb: 1", 'a:1:4 CFG005'],
    ['a:\n\tb: c', 'a:2:1 CFG005'],
    ['a: b: c', 'a:1:4 CFG005'],
    ['a: @x', 'a:1:4 CFG005'],
    ['a: }', 'a:1:4 CFG005'],
    ['a: b\n c: d', 'a:1:4 CFG005'],
    ['a: {b: c', 'a:1:9 CFG005'],
    ['a: "\\q"', 'a:1:5 CFG005'],
    ['%FOO x\n---\na: 1\n...\nb: @', 'a:5:4 CFG005'],
  ]
  for (const [text, ...expected] of cases) {
    const { found } = read(text)
    assert.deepEqual(
      found.filter(each => each.endsWith('CFG005')),
      expected,
      text,
    )
  }
})

test('directives belong to the document after them', () => {
  const { resources, found } = read(`%YAML 1.2\n---\n${document('x')}`)
  assert.deepEqual(found, [])
  assert.equal(placeOf(resources[0], 'kind'), '4:7')
})

test('directives belong to one document: those behind it are read, too', () => {
  const text = `# first\n%YAML 1.2\n---\n${document('x')}---\n${document('w')}...\n%FOO\n---\n${document('z')}`
  const { resources, found } = read(text)
  assert.deepEqual(found, [])
  assert.deepEqual(
    resources.map(({ metadata }) => metadata.name),
    ['x', 'w', 'z'],
  )
})

test('a document that asks for YAML 1.1 is read by the same rules', () => {
  const { resources, found } = read(
    `%YAML 1.1\n---\n${document('x', '{a: &a {b: 017}, <<: *a, c: !!int 5}')}`,
  )
  assert.deepEqual(found, [])
  assert.deepEqual(resources[0].value.spec, { a: { b: 15 }, b: 15, c: 5 })
})
