/**
 * The paths of weir's own files, whether Node runs the source or dist: the only module that knows
 * of both. Files below src/ are in the package, too.
 */

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
