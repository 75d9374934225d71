/**
 * docs/table-format.md shows sections, records and constants as the layouts in src/table/format
 * have them, remarks included.
 */

import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Layout } from '../../src/base/layout.ts'
import * as access from '../../src/table/format/access-layout.ts'
import * as classifier from '../../src/table/format/classifier-layout.ts'
import * as clients from '../../src/table/format/clients-layout.ts'
import * as endpoints from '../../src/table/format/endpoints-layout.ts'
import * as parts from '../../src/table/format/layout.ts'
import * as routing from '../../src/table/format/routing-layout.ts'
import { holds, ROOT, read, tableOf } from './kit.ts'

const DOCUMENT = 'docs/table-format.md'

/** In the order of the document. */
const LAYOUTS = {
  layout: parts,
  'routing-layout': routing,
  'classifier-layout': classifier,
  'endpoints-layout': endpoints,
  'clients-layout': clients,
  'access-layout': access,
}
const SOURCE = Object.keys(LAYOUTS)
  .map(name => readFileSync(`${ROOT}src/table/format/${name}.ts`, 'utf8'))
  .join('')

type Words = Readonly<Record<string, number>>

const exported = Object.values<Readonly<Record<string, unknown>>>(LAYOUTS).flatMap(each =>
  Object.entries(each),
)
const isWords = (value: unknown): value is Words =>
  typeof value === 'object' && value !== null && Object.values(value).every(each => typeof each === 'number')
const isRecord = (value: unknown): value is Layout<string> => isWords(value) && Object.hasOwn(value, 'WORDS')

/** The source of a record: its comment, and its fields. */
function sourceOf(record: string): { readonly comment: string; readonly body: string } {
  const pattern = new RegExp(
    `(?:/\\*\\* ((?:(?!\\*/)[\\s\\S])*?) \\*/\\n)?export const ${record} = layout\\(.*\\{\\n([\\s\\S]*?)\\n\\}\\)`,
  )
  const [, comment = '', body] = pattern.exec(SOURCE) ?? []
  ok(body, `a layout has ${record}`)
  return { comment: comment.replaceAll(/\s*\n \* ?/g, ' '), body }
}

const remarkOn = (body: string, field: string): string =>
  new RegExp(`^ *${field}: .*?// *(.*)$`, 'm').exec(body)?.[1] ?? ''

/** A field's words end where the next one begins. */
function describeRecord(name: string, record: Layout<string>): string {
  const { WORDS: size, ...fields } = record
  const { comment, body } = sourceOf(name)
  const entries = Object.entries<number>(fields)
  const rows = entries.map(([field, offset], index) => {
    const next = entries[index + 1]?.[1] ?? size
    return [`\`${field}\``, `${offset}`, `${next - offset}`, remarkOn(body, field)]
  })
  const words = `${size} ${size === 1 ? 'word' : 'words'}.`
  const table = tableOf(['field', 'word', 'words', ''], rows)
  return `### ${name}\n\n${[comment, words].filter(Boolean).join(' ')}\n\n${table}`
}

test('docs/table-format.md shows every record', () => {
  const records = exported.filter((entry): entry is [string, Layout<string>] => isRecord(entry[1]))
  const inOrder = records.toSorted(
    ([a], [b]) => SOURCE.indexOf(`const ${a} =`) - SOURCE.indexOf(`const ${b} =`),
  )
  holds(DOCUMENT, 'records', inOrder.map(each => describeRecord(...each)).join('\n\n'))
})

test('docs/table-format.md shows the sections in their order', () => {
  const lists = Object.entries(parts.SECTIONS).map(
    ([part, names]) => `${part}:\n\n${names.map((name, index) => `${index + 1}. \`${name}\``).join('\n')}`,
  )
  holds(DOCUMENT, 'sections', lists.join('\n\n'))
})

test('docs/table-format.md speaks of no index that is not there', () => {
  const spoken = [...read(DOCUMENT).matchAll(/\b[a-z]+(?:Index|Nodes)\b/g)].map(found => found[0])
  const sections: readonly string[] = Object.values(parts.SECTIONS).flat()
  deepEqual(
    spoken.filter(name => !sections.includes(name)),
    [],
  )
})

test('docs/table-format.md shows the constants', () => {
  const numbers = exported.flatMap(([name, value]) =>
    typeof value === 'number'
      ? [[`\`${name}\``, name === 'MAGIC' ? `0x${value.toString(16)}` : `${value}`]]
      : [],
  )
  const words = exported.flatMap(([name, value]) =>
    isWords(value) && !isRecord(value)
      ? [
          [
            `\`${name}\``,
            Object.entries(value)
              .map(([word, each]) => `${each} ${word}`)
              .join(', '),
          ],
        ]
      : [],
  )
  holds(DOCUMENT, 'constants', tableOf(['name', 'value'], [...numbers, ...words]))
})
