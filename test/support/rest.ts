/**
 * What test:full adds to `npm test`: the files that ask test/support/full.ts for their size, by
 * themselves or by what they import. All others run in `npm test` as they do in test:full.
 *
 * Most of these files only ask on which engines they are to run. Of them the rest leaves out the
 * tests of the engine that `npm test` has tried.
 */

import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SIZE = new URL('full.ts', import.meta.url).href
/** Of what they export only these lists ask for the size: on which engines and ways tests run. */
const LISTED = ['engine.ts', 'ways.ts'].map(name => new URL(name, import.meta.url).href)
const LISTS =
  /import \{[^}]*\b(?:ENGINES|EVERY_ENGINE|FLOW_ENGINES|WAYS|EVERY_WAY)\b[^}]*\} from '[^']*\/(?:engine|ways)\.ts'/
const RELATIVE = /(?:from|import|import\()\s*'(\.[^']+)'/g

/** `test/run.ts --rest` sets it for the processes of its files. */
export const restOnly = process.env.WEIR_TEST_REST === '1'

/** Whether a test file, named from the project's root, is another one in test:full. */
export const asksForSize = (file: string): boolean => !asksForEnginesOnly(file) || asksForEngines(file)

/** Whether test:full has the same tests of each engine as `npm test` has, on more engines. */
export const asksForEnginesOnly = (file: string): boolean => !reachedBy(file).has(SIZE)

const asksForEngines = (file: string): boolean =>
  [...reachedBy(file)].some(module => !LISTED.includes(module) && LISTS.test(textOf(module)))

/** The file, and what it imports, but not by way of the lists. */
function reachedBy(file: string): ReadonlySet<string> {
  const reached = new Set([new URL(`../../${file}`, import.meta.url).href])
  for (const module of reached)
    if (!LISTED.includes(module)) for (const each of importsOf(module)) reached.add(each)
  return reached
}

/** The file whose tests are being added: the process's own, or one of a group's (groups.ts). */
export const adding = { file: relative(ROOT, process.argv[1] ?? '') }

/** For a test that `npm test` runs, too: why it is left out, if it is. */
export const skipInRest = (): string | false =>
  restOnly && asksForEnginesOnly(adding.file) && 'has run in npm test'

const SOURCE = new URL('../../src/', import.meta.url).href
const texts = new Map<string, string>()

/** Of tests and benches: src never asks. Texts for tests import what is not there. */
function textOf(module: string): string {
  const known = texts.get(module)
  if (known !== undefined) return known
  const isRead = !module.startsWith(SOURCE) && existsSync(new URL(module))
  const text = isRead ? readFileSync(fileURLToPath(module), 'utf8') : ''
  texts.set(module, text)
  return text
}

const importsOf = (module: string): string[] =>
  [...textOf(module).matchAll(RELATIVE)].map(([, name]) => new URL(name, module).href)
