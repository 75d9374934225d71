/**
 * What test:full adds to `npm test`: the files that ask test/support/full.ts for their size, by
 * themselves or by what they import. All others run in `npm test` as they do in test:full.
 */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SIZE = new URL('full.ts', import.meta.url).href
const RELATIVE = /(?:from|import|import\()\s*'(\.[^']+)'/g

/** `test/run.ts --rest` sets it for the processes of its files. */
export const restOnly = process.env.WEIR_TEST_REST === '1'

/** Whether a test file, named from the project's root, is another one in test:full. */
export function asksForSize(file: string): boolean {
  const reached = new Set([new URL(`../../${file}`, import.meta.url).href])
  for (const module of reached) for (const each of importsOf(module)) reached.add(each)
  return reached.has(SIZE)
}

const known = new Map<string, readonly string[]>()

/** Of tests and benches: src never asks. Texts for tests import what is not there. */
function importsOf(module: string): readonly string[] {
  const before = known.get(module)
  if (before !== undefined) return before
  const imports = module.startsWith(SOURCE) || !existsSync(new URL(module)) ? [] : read(module)
  known.set(module, imports)
  return imports
}

const SOURCE = new URL('../../src/', import.meta.url).href

function read(module: string): readonly string[] {
  const text = readFileSync(fileURLToPath(module), 'utf8')
  return [...text.matchAll(RELATIVE)].map(([, name]) => new URL(name, module).href)
}
