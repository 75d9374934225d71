/** The documents for readers: their text, their fenced blocks, and the parts that code writes. */

import { equal, ok } from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The documents of the root, everything in docs/, and the chart's. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'config/deploy/helm/README.md',
  ...readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
]

export const read = (document: string): string => readFileSync(ROOT + document, 'utf8')

/** A fenced block with the comment right before it: `<!-- save: shop.yaml -->`. */
export type Block = { readonly language: string; readonly note: string; readonly text: string }

export const blocksOf = (document: string): Block[] =>
  [...read(document).matchAll(/(?:^<!-- (.*) -->\n)?^```(\w+)\n([\s\S]*?)^```$/gm)].map(
    ([, note = '', language, text]) => ({ language, note, text }),
  )

/**
 * Holds the part of a document between `<!-- name -->` and `<!-- end -->` against `expected`; with
 * UPDATE_DOCS=1 writes it instead.
 */
export function holds(document: string, name: string, expected: string): void {
  const text = read(document)
  const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(\\n<!-- end -->)`)
  ok(place.test(text), `${document} has a place for ${name}`)
  const wanted = text.replace(place, (_, before, after) => `${before}\n${expected}\n${after}`)
  if (process.env.UPDATE_DOCS) writeFileSync(ROOT + document, wanted)
  else equal(text, wanted, 'run this test with UPDATE_DOCS=1')
}

export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]): string => `| ${row.map(inCell).join(' | ')} |`
  return [cells(head), cells(head.map(() => '---')), ...rows.map(cells)].join('\n')
}

const inCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
