/**
 * The paths of weir's own files, whether Node runs the source or dist: the only module that knows
 * of both. Files below src/ are in the package, too.
 */

import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** This module is in src/base, and then in dist/entries or dist/chunks. */
const ROOT = new URL('../../', import.meta.url)
const isSource = import.meta.url.endsWith('.ts')

/** @param path  Relative to the package's folder. */
export const ownFile = (path: string): URL => new URL(path, ROOT)

/**
 * The entry module of a thread; the build has a list of them.
 *
 * @param path  Relative to src/, without an extension.
 */
export const threadModule = (path: string): URL =>
  isSource ? ownFile(`src/${path}.ts`) : ownFile(`dist/entries/${path.replaceAll('/', '-')}.js`)

let digestOfCode: string | undefined

/** A digest of all code that compiles: what it made counts for the same code only. */
export const codeDigest = (): string => (digestOfCode ??= digestCode())

function digestCode(): string {
  const digest = createHash('sha256')
  if (!isSource)
    return digest.update(readFileSync(threadModule('control/compile/compile-task'))).digest('hex')
  const folder = fileURLToPath(ownFile('src/'))
  for (const file of globSync('**/*.ts', { cwd: folder }).sort())
    digest.update(readFileSync(join(folder, file)))
  return digest.update(readFileSync(ownFile('package.json'))).digest('hex')
}
