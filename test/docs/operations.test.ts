/**
 * What the pages of operations tell to type is there: files of the project, and pages for all of
 * its tasks.
 */

import { deepEqual, ok } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { blocksOf, DOCUMENTS, ROOT, read } from './kit.ts'

const INDEX = 'docs/operations.md'
const PAGES = DOCUMENTS.filter(each => each.startsWith('docs/operations/'))

test('every file of the project that a command of operations names exists', () => {
  const named = PAGES.flatMap(page =>
    blocksOf(page)
      .filter(each => each.language === 'sh')
      .flatMap(({ text }) =>
        [...text.matchAll(/(?<![\w/])(?:config|docs)\/[\w./@-]+/g)].map(found => found[0]),
      ),
  )
  ok(named.length > 10)
  deepEqual(
    named.filter(each => !existsSync(ROOT + each.replace(/\/\*?$/, ''))),
    [],
  )
})

test('docs/operations.md leads to every page, and no page lacks commands or an example', () => {
  const text = read(INDEX)
  for (const page of PAGES) ok(text.includes(`](${page.slice('docs/'.length)})`), page)
  const without = PAGES.filter(page => blocksOf(page).length === 0)
  deepEqual(without, [])
})
