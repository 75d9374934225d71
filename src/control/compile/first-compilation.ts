/**
 * The first compilation. It runs a second time if the names of endpoints resolve within a moment.
 */

import { assert } from '../../base/assert.ts'
import type { Names } from '../../source/names.ts'
import type { Compiler } from './compile.ts'
import type { Compiled } from './compile-task.ts'

/** The start waits this long for DNS; later answers become changes of endpoints. */
const NAMES_WAIT_MS = 1_000

export async function compileFirst(compiler: Compiler, names: Names): Promise<Compiled> {
  const compiled = await compiler.compile(1, names.known, null)
  assert(compiled !== null, 'the first compilation has nothing to be equal to')
  if (compiled.names.length === 0) return compiled
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, NAMES_WAIT_MS)
  await Promise.race([names.follow(compiled.names), late.promise])
  clearTimeout(timer)
  return compiled
}
