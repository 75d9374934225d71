/** The JUnit report of `weir test`. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { folder } from '../control/scene.ts'
import { weir } from './kit.ts'
import { ROUTES } from './route-tests-kit.ts'

/** A reader that takes well-formed XML only: elements with their attributes, and texts, decoded. */
function readXml(xml: string): { name: string; attributes: Record<string, string>; text: string }[] {
  const rest = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '')
  assert.notEqual(rest, xml)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what XML 1.0 forbids
  assert.doesNotMatch(rest, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
  const decode = (text: string): string => {
    assert.doesNotMatch(text, /[<>]|&(?!(?:amp|lt|gt|quot|apos|#\d+);)/)
    const words: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
    return text.replace(/&(?:#(\d+)|(\w+));/g, (_, code, word) =>
      code ? String.fromCharCode(code) : words[word],
    )
  }
  const elements: { name: string; attributes: Record<string, string>; text: string }[] = []
  const open: string[] = []
  const pattern = /<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>([^<]*)/gy
  let end = 0
  for (const [whole, closes, name, attributes, empty, text] of rest.matchAll(pattern)) {
    end += whole.length
    if (closes) assert.equal(open.pop(), name)
    else {
      if (!empty) open.push(name)
      const pairs = [...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [
        key,
        decode(value),
      ])
      elements.push({ name, attributes: Object.fromEntries(pairs), text: decode(text) })
    }
  }
  assert.deepEqual([end, open], [rest.length, []])
  return elements
}

test('the JUnit report is XML whatever a test is called, with counts that are right', async t => {
  const names = [
    '<b> & "quotes" \'single\' ]]>',
    'a\u0001control\u001b[31m',
    'tab\tand\nline',
    'half \ud800 and 😀',
  ]
  const root = folder(t, { 'routes.yaml': ROUTES })
  writeFileSync(
    join(root, 'tests.json'),
    JSON.stringify({
      apiVersion: 'gateway.weir/v1',
      kind: 'RouteTest',
      metadata: { name: 'names' },
      spec: {
        tests: names.map(name => ({
          name,
          connection: { gateway: 'edge', from: '10.1.0.1' },
          expect: { subset: name.startsWith('tab') ? 'gray' : 'prod' },
        })),
      },
    }),
  )
  const { code, out } = await weir(['test', root, '--format', 'junit', '--min-coverage', '90'])
  assert.equal(code, 1)
  const elements = readXml(out)
  const cases = elements.filter(each => each.name === 'testcase').map(each => each.attributes.name)
  assert.deepEqual(cases, [
    names[0],
    'a\ufffdcontrol\ufffd[31m',
    names[2],
    'half \ufffd and 😀',
    'at least 90 % of the rules are reached',
  ])
  const [all, ...suites] = elements
    .filter(each => each.name.startsWith('testsuite'))
    .map(each => each.attributes)
  assert.deepEqual([all.tests, all.failures, all.errors], ['5', '4', '0'])
  assert.deepEqual(
    suites.map(each => [each.name, each.tests, each.failures]),
    [
      ['default/names', '4', '3'],
      ['coverage', '1', '1'],
    ],
  )
  const failures = elements.filter(each => each.name === 'failure')
  assert.equal(failures.length, 4)
  assert.match(failures[0].attributes.message, /^destination: expected any host subset prod, got 100 %/)
  assert.match(failures[3].text, /^not reached: shop\/orders /)
})
