/**
 * Where weir's own files are, whether Node runs the source or what src/cli/build/bundle.js made of
 * it: the one place that knows of both. Files below src/ are in the package, too.
 */

/** This module is in src/base, and then in dist/entries or dist/chunks. */
const ROOT = new URL('../../', import.meta.url)
const isSource = import.meta.url.endsWith('.ts')

/** @param path  From the package's folder. */
export const ownFile = (path: string): URL => new URL(path, ROOT)

/**
 * The module that a thread begins with; src/cli/build/bundle.js has a list of them.
 *
 * @param path  Below src/, without an extension.
 */
export const threadModule = (path: string): URL =>
  isSource ? ownFile(`src/${path}.ts`) : ownFile(`dist/entries/${path.replaceAll('/', '-')}.js`)
