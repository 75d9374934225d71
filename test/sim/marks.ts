/**
 * Counts the marks of production code (src/base/mark.ts). To be imported before anything of src is.
 */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

export const marks = new Map<string, number>()

Object.assign(globalThis, {
  weirMark: (name: string): void => {
    marks.set(name, (marks.get(name) ?? 0) + 1)
  },
})

/** All that there are in the source. */
export const markNames = (): string[] =>
  globSync('**/*.ts', { cwd: SRC }).flatMap(file =>
    [...readFileSync(join(SRC, file), 'utf8').matchAll(/\bmark\('([^']+)'\)/g)].map(found => found[1]),
  )
