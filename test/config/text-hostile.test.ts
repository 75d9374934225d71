import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Diagnostic, Findings } from '../../src/config/findings/diagnostic.ts'
import type { Resource } from '../../src/config/resource.ts'
import {
  ALIASED_MAX,
  DEPTH_MAX,
  DOCUMENTS_MAX,
  FINDINGS_MAX,
  SYNTAX_ERRORS_MAX,
} from '../../src/config/text/limits.ts'
import { readDocuments } from '../../src/config/text/read-documents.ts'

const GOOD = 'apiVersion: v1\nkind: Service\nmetadata: {name: good}\n'

type Outcome = { resources: Resource[]; found: string[]; list: readonly Diagnostic[] }

function read(bytes: Uint8Array | string | Error): Outcome {
  const findings = new Findings()
  const input = { file: 'f', bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes }
  const resources = readDocuments([input], findings)
  const found = findings.list.map(({ line, column, code }) => `${line}:${column} ${code}`)
  return { resources, found, list: findings.list }
}

/** Whatever the first document is, the second one is read. */
function readBeforeGood(text: string): Outcome {
  const outcome = read(`${text}\n---\n${GOOD}`)
  assert.deepEqual(
    outcome.resources.map(({ metadata }) => metadata.name),
    ['good'],
  )
  return outcome
}

test('a file that cannot be read is a finding', () => {
  const { found, list } = read(new Error('EACCES: permission denied'))
  assert.deepEqual(found, ['1:1 CFG001'])
  assert.match(list[0].message, /EACCES/)
})

test('a file of 100 MB is refused by its size', () => {
  assert.deepEqual(read(Buffer.alloc(100 * 1024 * 1024, 'a')).found, ['1:1 CFG002'])
})

test('UTF-16 is named, with and without its mark', () => {
  const little = Buffer.from(GOOD, 'utf16le')
  const big = Buffer.from(little).swap16()
  const marks = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])]
  for (const bytes of [little, big, Buffer.concat([marks[0], little]), Buffer.concat([marks[1], big])]) {
    const { found, list } = read(bytes)
    assert.deepEqual(found, ['1:1 CFG003'])
    assert.match(list[0].message, /UTF-16/)
  }
})

test('bytes that are no UTF-8 are found in their own document', () => {
  const bytes = Buffer.concat([
    Buffer.from('a: 1\nb: x'),
    Buffer.from([0xc3, 0x28]),
    Buffer.from(`\n---\n${GOOD}`),
  ])
  const { found, resources } = read(bytes)
  assert.deepEqual(found, ['2:5 CFG003'])
  assert.equal(resources.length, 1)
})

test('a replacement character that is written as such is text', () => {
  assert.deepEqual(read(`${GOOD}spec: "\uFFFD"\n`).found, [])
})

test('control characters and binary data are found in their own document', () => {
  assert.deepEqual(readBeforeGood('a: b\0c').found, ['1:5 CFG004'])
  assert.deepEqual(readBeforeGood('a: b\nc: \x1b[31m').found, ['2:4 CFG004'])
  assert.deepEqual(readBeforeGood('\x7fELF\x02\x01').found, ['1:1 CFG004'])
  assert.deepEqual(read(Buffer.alloc(1 << 20)).found, ['1:1 CFG004'])
})

test('nesting of every form is refused at one depth, long before the stack ends', () => {
  const many = 100_000
  const cases: readonly [text: string, column: number][] = [
    ['['.repeat(many), DEPTH_MAX + 1],
    ['{a: '.repeat(many), 0],
    ['- '.repeat(many), 0],
    ['? '.repeat(many), 0],
    [`${'['.repeat(many)}${']'.repeat(many)}`, DEPTH_MAX + 1],
    [Array.from({ length: 300 }, (_, level) => `${' '.repeat(level)}a:\n`).join(''), 0],
  ]
  for (const [text, column] of cases) {
    const { found, list } = readBeforeGood(text)
    assert.equal(found.length, 1, text.slice(0, 20))
    assert.equal(list[0].code, 'CFG006')
    if (column > 0) assert.equal(list[0].column, column)
  }
})

test('nesting below the limit is read', () => {
  const depth = DEPTH_MAX - 20
  assert.deepEqual(read(`${GOOD}spec: ${'['.repeat(depth)}${']'.repeat(depth)}`).found, [])
})

test('depth counts through aliases', () => {
  const levels = Array.from({ length: 30 }, (_, level) => {
    const inner = level === 0 ? '1' : `*a${level - 1}`
    return `a${level}: &a${level} ${'['.repeat(10)}${inner}${']'.repeat(10)}\n`
  })
  assert.deepEqual([...new Set(readBeforeGood(levels.join('')).list.map(({ code }) => code))], ['CFG006'])
})

test('a billion laughs are refused by what they would expand to', () => {
  const laughs = Array.from({ length: 10 }, (_, level) => {
    const inner = level === 0 ? 'lol' : `*a${level - 1}`
    return `a${level}: &a${level} [${Array.from({ length: 10 }, () => inner).join(', ')}]\n`
  })
  const { found, list } = readBeforeGood(laughs.join(''))
  assert.deepEqual(found, ['5:45 CFG009'])
  assert.match(list[0].message, new RegExp(String(ALIASED_MAX)))
})

test('a quadratic bomb of one long text is refused too', () => {
  const bomb = `a: &a "${'x'.repeat(100_000)}"\nb: [${Array.from({ length: 100 }, () => '*a').join(', ')}]`
  assert.deepEqual(
    readBeforeGood(bomb).list.map(({ code }) => code),
    ['CFG009'],
  )
})

test('merge keys count as aliases do', () => {
  const wide = Array.from({ length: 1000 }, (_, key) => `k${key}: 1`).join(', ')
  const merges = Array.from({ length: 1000 }, (_, at) => `m${at}: {<<: *a}\n`).join('')
  assert.deepEqual(
    readBeforeGood(`a: &a {${wide}}\n${merges}`).list.map(({ code }) => code),
    ['CFG009'],
  )
})

test('keys that would reach into objects are refused or harmless', () => {
  const { found, resources } = read(
    `${GOOD}spec:\n  __proto__: {polluted: 1}\n  constructor: {prototype: {polluted: 1}}\n  a: {"__proto__": 5}\n`,
  )
  assert.deepEqual(found, ['5:3 CFG008', '7:7 CFG008'])
  assert.deepEqual(resources[0].value.spec, { constructor: { prototype: { polluted: 1 } }, a: {} })
  assert.equal(Reflect.get({}, 'polluted'), undefined)
})

test('a tag that asks for more than data is refused', () => {
  const inherited = ['__proto__', 'constructor', 'toString'].flatMap(name => [`!<${name}>`, `!${name}`])
  for (const tag of ['!!js/function', '!!binary', '!!timestamp', '!own', '!!int', ...inherited]) {
    assert.deepEqual(readBeforeGood(`a: ${tag} "x"`).found, [`1:${5 + tag.length} CFG010`], tag)
  }
  for (const tag of ['!!set', '!!omap', '!!js/object', '!!str', ...inherited]) {
    assert.deepEqual(readBeforeGood(`a: ${tag} {b: c}`).list.at(0)?.code, 'CFG010', tag)
  }
})

test('anchors, directives and keys may be named as what every object inherits', () => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    const { found, resources } = read(
      `%TAG !${name}! tag:yaml.org,2002:\n---\n${GOOD}spec: [&${name} a, *${name}, !${name}!str 1]\n`,
    )
    assert.deepEqual(found, [])
    assert.deepEqual(resources[0].value.spec, ['a', 'a', '1'])
  }
})

test('a flood of findings is cut, with the number of the others', () => {
  const many = FINDINGS_MAX + 500
  const { found, list } = readBeforeGood(Array.from({ length: many }, () => 'a: 1\n').join(''))
  assert.equal(found.length, FINDINGS_MAX + 1)
  const more = list.find(({ code }) => code === 'CFG012')
  // One of the keys is no duplicate, but the document lacks its apiVersion and kind.
  assert.match(more?.message ?? '', /^and 500 more of severity "error"/)
  assert.equal(more?.severity, 'error')
})

test('a flood of syntax errors is cut in each document', () => {
  assert.equal(readBeforeGood(']\n'.repeat(100_000)).found.length, SYNTAX_ERRORS_MAX)
  assert.equal(readBeforeGood('&a '.repeat(100_000)).found.length, 1)
})

test('a mapping of many keys takes linear time', () => {
  // Compared pair by pair, 50 000 keys would be 10^9 comparisons: this test would hang, not fail.
  const text = Array.from({ length: 50_000 }, (_, key) => `k${key}: 1\n`).join('')
  const { found, resources } = read(`${GOOD}spec:\n${text.replaceAll(/^/gm, ' ').trimEnd()}\n`)
  assert.deepEqual(found, [])
  assert.equal(Object.keys(resources[0].value.spec as object).length, 50_000)
})

test('many empty documents cost little', () => {
  assert.equal(readBeforeGood('---\n'.repeat(500_000)).found.length, 0)
})

test('what a message quotes is short and has no control characters', () => {
  const { list } = readBeforeGood(
    `"a\\e]0;title\\a${'x'.repeat(900)}": 1\n"a\\e]0;title\\a${'x'.repeat(900)}": 2`,
  )
  assert.equal(list[0].code, 'CFG007')
  assert.ok(list[0].message.length < 200)
  assert.doesNotMatch(list[0].message, /\p{Cc}/u)
})

test('a file of very many documents is read up to a limit, and says so', () => {
  const text = '---\nnull\n'.repeat(DOCUMENTS_MAX + 2)
  const findings = new Findings()
  readDocuments([{ file: 'many.yaml', bytes: Buffer.from(text) }], findings)
  const limit = findings.list.find(each => each.code === 'CFG002')
  assert.equal(limit?.line, 2 * DOCUMENTS_MAX + 1)
})
