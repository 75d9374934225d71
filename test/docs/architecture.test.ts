/**
 * docs/architecture.md speaks of what is there: every path in it exists, and every folder of src is
 * named.
 */

import { deepEqual, ok } from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { DOCUMENTS, ROOT, read } from './kit.ts'

/** Paths of the project in backticks: `src/table/match/match.ts`, `config/examples`. */
const PATH = /`((?:src|test|docs|config|bench)\/[\w./-]+)`/g

for (const document of DOCUMENTS) {
  test(`every path that ${document} names exists`, () => {
    const paths = [...read(document).matchAll(PATH)].map(found => found[1])
    deepEqual(
      paths.filter(path => !existsSync(ROOT + path)),
      [],
    )
  })
}

test('docs/architecture.md names every folder of src', () => {
  const text = read('docs/architecture.md')
  const folders = readdirSync(`${ROOT}src`, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isDirectory())
    .map(entry => `${entry.parentPath}/${entry.name}`.slice(ROOT.length))
  for (const folder of folders) ok(text.includes(`\`${folder}\``), folder)
})

test('no document names a path or an address of the machine that it was written on', () => {
  for (const document of DOCUMENTS)
    ok(!/\/(?:home|root|Users)\/|https?:\/\/localhost/.test(read(document)), document)
})
