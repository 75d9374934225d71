/**
 * docs/configuration.md shows the table of known fields, and nothing else than it.
 *
 * Its tables stand between `<!-- fields: Kind -->` and `<!-- end -->`; running this test with
 * UPDATE_DOCS=1 writes them anew.
 */

import { equal, ok } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  type Fields,
  KNOWN_FIELDS,
  type Known,
  type Support,
} from '../../src/config/validate/known-fields.ts'

import { ROUTE_TEST_FIELDS } from '../../src/config/validate/route-test.ts'

const FILE = new URL('../../docs/configuration.md', import.meta.url)

const WORDS: Readonly<Record<Support, string>> = {
  served: 'served',
  'no effect': 'no effect',
  refused: 'refused, as in Istio',
  'not served yet': 'ignored, with a warning: not served yet',
  'needs layer 7': 'ignored, with a warning: needs layer 7',
  'only HTTP has it':
    'never held by a connection: `ALLOW` loses the rule, `DENY` the attribute, with a warning',
  'by route': 'ignored, with one warning for the route: needs layer 7',
}

type Row = readonly [path: string, words: string]

const isBlock = (known: Known): known is readonly [Support, Fields] => Array.isArray(known)

/**
 * A row for each field; an ignored block is one row that names what is inside, a repeated one
 * refers to the first.
 */
function rowsOf(path: string, known: Known, seen: Map<Known, string>): readonly Row[] {
  if (typeof known === 'string') return [[`\`${path}\``, WORDS[known]]]
  const first = seen.get(known)
  if (first !== undefined) return [[`\`${path}\``, `as \`${first}\``]]
  seen.set(known, path)
  if (!isBlock(known)) {
    return Object.entries(known).flatMap(([name, inner]) => rowsOf(`${path}.${name}`, inner, seen))
  }
  const names = Object.keys(known[1]).map(name => `\`${name}\``)
  return [[`\`${path}\` (${names.join(', ')})`, WORDS[known[0]]]]
}

function tableOf(fields: Fields): string {
  const rows = rowsOf('spec', fields, new Map()).map(row => `| ${row.join(' | ')} |`)
  return ['| field | weir |', '| --- | --- |', ...rows].join('\n')
}

test('the field tables of docs/configuration.md are the table that weir uses', () => {
  const text = readFileSync(FILE, 'utf8')
  let expected = text
  for (const [kind, fields] of Object.entries({ ...KNOWN_FIELDS, RouteTest: ROUTE_TEST_FIELDS })) {
    const place = new RegExp(`(<!-- fields: ${kind} -->\\n)[^]*?(\\n<!-- end -->)`)
    ok(place.test(text), `docs/configuration.md has a place for ${kind}`)
    expected = expected.replace(place, (_, before, after) => `${before}\n${tableOf(fields)}\n${after}`)
  }
  if (process.env.UPDATE_DOCS) writeFileSync(FILE, expected)
  else equal(text, expected, 'run this test with UPDATE_DOCS=1')
})
