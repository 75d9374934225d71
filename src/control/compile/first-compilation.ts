/**
 * The first compilation. The start waits a moment for the names of endpoints: the first table that
 * is published has those that resolve by then, later answers become changes of endpoints.
 */

import { assert } from '../../base/assert.ts'
import { settlesWithin } from '../../base/settles-within.ts'
import type { Names } from '../../source/names/names.ts'
import type { Logger } from '../observe/log.ts'
import { logDiagnostics } from '../observe/narrate.ts'
import { NAMES_WAIT_MS } from '../reloads.ts'
import type { Compiler } from './compile.ts'
import type { Compiled } from './compiled.ts'
import { tellLong } from './tell-long.ts'

/** Null if it is refused, and the log says why. */
export async function compileFirst(compiler: Compiler, names: Names, log: Logger): Promise<Compiled | null> {
  const compiled = await tellLong(compiler.compile(1, names.known, null), () =>
    log.info('the configuration takes longer than a second to read: nothing is served yet'),
  )
  assert(compiled !== null && !('rotated' in compiled), 'the first compilation has nothing to be equal to')
  names.useServers(compiled.settings.dns.servers)
  if (compiled.names.length > 0)
    await settlesWithin(names.follow(compiled.names, compiled.namesInOrder), NAMES_WAIT_MS)
  logDiagnostics(log, compiled, null)
  if (compiled.table !== null) return compiled
  log.error('the configuration is refused: nothing is served')
  return null
}
