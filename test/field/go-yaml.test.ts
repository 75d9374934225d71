/**
 * Plain text that Go's YAML parser, and so kubectl, takes for text: what a cluster accepts is read
 * the same here.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Findings } from '../../src/config/findings/diagnostic.ts'
import { readDocuments } from '../../src/config/text/read-documents.ts'

function specOf(spec: string): unknown {
  const text = `apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: ${spec}\n`
  const findings = new Findings()
  const [resource] = readDocuments([{ file: 'a.yaml', bytes: Buffer.from(text) }], findings)
  assert.deepEqual(findings.list, [], spec)
  return resource.value.spec
}

test('inside brackets a colon ends plain text only before a blank', () => {
  const cases: readonly [text: string, value: unknown][] = [
    ['[fd00::]', ['fd00::']],
    ['[fd00::, "a"]', ['fd00::', 'a']],
    ['{ip: fd00::}', { ip: 'fd00::' }],
    ['{ip: fd00::, port: 1}', { ip: 'fd00::', port: 1 }],
    ['{bind: ::, port: 1}', { bind: '::', port: 1 }],
    ['[{ip: 2001:db8::}, [::1, ::]]', [{ ip: '2001:db8::' }, ['::1', '::']]],
    ['[http://a:80/, tcp:]', ['http://a:80/', 'tcp:']],
    ['{a: b, "c":d}', { a: 'b', c: 'd' }],
    ['[a: b]', [{ a: 'b' }]],
    ['{a: , b: 1}', { a: null, b: 1 }],
    ['{a:\n b}', { a: 'b' }],
  ]
  for (const [text, value] of cases) assert.deepEqual(specOf(text), value, text)
})

test('places behind such a text are still right', () => {
  const text = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {a: fd00::, b: 7}\n'
  const [resource] = readDocuments([{ file: 'a.yaml', bytes: Buffer.from(text) }], new Findings())
  assert.equal(resource.locate(['spec', 'b']).column, 22)
})
