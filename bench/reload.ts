/**
 * `reload`: how long a change takes to come into force, and how reloads affect connections.
 *
 *   until-endpoints  from a name that resolves anew to the workers that dial by it
 *   until-routed     from the file's change to the first connection that is routed by it
 *   many-files       the same for one file of many, and how long a process takes to start with them
 *   under-load       connections made at fixed times while the file changes again and again, beside the same without
 */

import type { Bench } from './harness.ts'
import { benchManyFiles } from './reload/many-files.ts'
import { benchUnderLoad } from './reload/under-load.ts'
import { benchUntilEndpoints } from './reload/until-endpoints.ts'
import { benchUntilRouted } from './reload/until-routed.ts'

export async function benchReload(bench: Bench): Promise<void> {
  await benchUntilEndpoints(bench)
  await benchUntilRouted(bench)
  await benchManyFiles(bench)
  await benchUnderLoad(bench)
}
