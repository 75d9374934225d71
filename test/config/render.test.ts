import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Diagnostic, Findings } from '../../src/config/findings/diagnostic.ts'
import { renderJson, renderText, toReport } from '../../src/config/findings/render.ts'

const finding = (over: Partial<Diagnostic> = {}): Diagnostic => ({
  file: 'config/edge.yaml',
  line: 2,
  column: 9,
  code: 'CFG101',
  severity: 'error',
  message: 'the host is wrong',
  ...over,
})

const source = 'spec:\n  host: api\n'
const sourceOf = () => source

test('a diagnostic shows its place, its line with a caret, the hint and the field', () => {
  const text = renderText(
    [finding({ hint: 'name another', resource: 'VirtualService default/echo', field: 'spec.host' })],
    { sourceOf },
  )
  assert.equal(
    text,
    [
      'config/edge.yaml:2:9: error CFG101: the host is wrong',
      '    2 |   host: api',
      '      |         ^',
      '  hint: name another',
      '  in VirtualService default/echo, spec.host',
      '',
      '1 error, 0 warnings in 1 file',
    ].join('\n'),
  )
})

test('a diagnostic without a source shows its head alone', () => {
  assert.equal(renderText([finding()]).split('\n')[1], '')
  assert.equal(renderText([finding({ line: 99 })], { sourceOf }).split('\n')[1], '')
})

test('diagnostics are sorted by file, line and column', () => {
  const list = [
    finding({ file: 'b', line: 1 }),
    finding({ file: 'a', line: 10 }),
    finding({ file: 'a', line: 9, column: 2 }),
    finding({ file: 'a', line: 9, column: 1 }),
  ]
  const places = ['a:9:1', 'a:9:2', 'a:10:9', 'b:1:9']
  assert.deepEqual(renderText(list).match(/^[ab]:\d+:\d+/gm), places)
  assert.deepEqual(
    toReport(list).messages.map(({ file, line, column }) => `${file}:${line}:${column}`),
    places,
  )
})

test('the summary counts severities and files', () => {
  const summaryOf = (list: Diagnostic[]): string | undefined => renderText(list).split('\n').at(-1)
  assert.equal(summaryOf([]), '0 errors, 0 warnings')
  const list = [finding(), finding({ severity: 'warning' }), finding({ severity: 'info', file: 'x' })]
  assert.equal(summaryOf(list), '1 error, 1 warning, 1 note in 2 files')
  const ofApi = [finding({ file: 'Service shop/a', line: 0 }), finding({ file: 'Service shop/b', line: 0 })]
  assert.equal(summaryOf(ofApi), '2 errors, 0 warnings in 2 resources of the cluster')
  assert.equal(
    summaryOf([finding(), ofApi[0]]),
    '2 errors, 0 warnings in 1 file and 1 resource of the cluster',
  )
})

test('colours appear only when they are asked for', () => {
  assert.doesNotMatch(renderText([finding()], { sourceOf }), /\p{Cc}(?<!\n)/u)
  const coloured = renderText([finding()], { sourceOf, colours: true })
  assert.ok(coloured.includes('\u001b[31m'))
})

test('no control character, bidirectional mark or half surrogate of an operator reaches the screen', () => {
  const evil = 'a\u001b]0;owned\u0007\u009b31m\u202e\u2028\ud800\rb'
  const list = [finding({ file: evil, message: evil, hint: evil, resource: evil, field: evil })]
  const texts = [renderText(list, { sourceOf: () => `x\n${evil}` }), renderJson(list)]
  for (const text of texts) assert.doesNotMatch(text, /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}]/u)
  assert.match(texts[0], /a\\u001b\]0;owned\\u0007/)
  assert.equal(JSON.parse(texts[1]).messages[0].message, evil)
})

test('the caret stands below its character after tabs and escapes', () => {
  const text = renderText([finding({ column: 4 })], { sourceOf: () => 'x\n\t\u0001\tq' })
  const [, line, caret] = text.split('\n')
  assert.equal(line.indexOf('q'), caret.indexOf('^'))
})

test('a long line is shown only around its caret', () => {
  const line = `${'a'.repeat(100_000)}HERE${'b'.repeat(100_000)}`
  const text = renderText([finding({ column: 100_001 })], { sourceOf: () => `x\n${line}` })
  const [, shown, caret] = text.split('\n')
  assert.ok(shown.length < 200)
  assert.equal(shown.indexOf('HERE'), caret.indexOf('^'))
})

test('a place beyond the end of its line is shown at the end', () => {
  const [, line, caret] = renderText([finding({ column: 500 })], { sourceOf }).split('\n')
  assert.equal(caret.indexOf('^'), line.length)
})

test('lines are counted as they were when read, after a byte order mark and with CRLF', () => {
  const text = renderText([finding({ line: 1, column: 1 })], { sourceOf: () => '\uFEFFkind: X\r\nb' })
  assert.equal(text.split('\n')[1], '    1 | kind: X')
})

test('the JSON report has every field of the contract', () => {
  const list = [
    finding({ hint: 'mend it', resource: 'Service default/a', field: 'spec' }),
    finding({ severity: 'warning' }),
  ]
  assert.deepEqual(JSON.parse(renderJson(list)), {
    valid: false,
    errors: 1,
    warnings: 1,
    messages: [
      {
        code: 'CFG101',
        severity: 'error',
        message: 'the host is wrong',
        hint: 'mend it',
        file: 'config/edge.yaml',
        line: 2,
        column: 9,
        resource: 'Service default/a',
        field: 'spec',
      },
      {
        code: 'CFG101',
        severity: 'warning',
        message: 'the host is wrong',
        file: 'config/edge.yaml',
        line: 2,
        column: 9,
        resource: null,
        field: null,
      },
    ],
  })
  assert.equal(toReport([finding({ severity: 'warning' })]).valid, true)
})

test('the findings of a list keep their resource and field', () => {
  const findings = new Findings()
  const place = { file: 'f', line: 3, column: 4 }
  findings.at(
    'CFG101',
    { title: 'A b', kind: 'A', locate: () => place },
    ['spec', 0, 'a/b'],
    'wrong',
    'mend it',
  )
  assert.deepEqual(toReport(findings.list).messages, [
    {
      code: 'CFG101',
      severity: 'error',
      message: 'wrong',
      hint: 'mend it',
      ...place,
      resource: 'A b',
      field: 'spec[0]["a/b"]',
    },
  ])
})
