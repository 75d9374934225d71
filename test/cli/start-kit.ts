/** Starts of the command from its source, in an environment without the caches of the test run. */

import { fileURLToPath } from 'node:url'

export const WEIR = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))

export type Variables = Readonly<Record<string, string>>

/** From the source, even if there is a dist, which bundles all modules. */
export const FROM_SOURCE = { WEIR_FROM_SOURCE: '1' }

/** The environment of the test run, without its variables about caches. */
export function environment(more: Variables): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE, NODE_DISABLE_COMPILE_CACHE, CACHE_DIRECTORY, XDG_CACHE_HOME, ...others } =
    process.env
  const { MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_, ...rest } = others // run.ts has its own
  return { ...rest, ...FROM_SOURCE, ...more }
}
