/**
 * `observe`: the cost of observing connections.
 *
 *   alone  the journal's cost for a connection and for a request, and that of a line of the access log
 *   whole  a proxy whose access log is turned on and off: CPU of the whole process, including the
 *          log's thread
 *
 * The journal is always on, so there is nothing to compare it with here; docs/benchmarks.md has its
 * cost beside the commit before it.
 */

import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './harness.ts'
import { withLoad } from './load/scene.ts'
import { benchJournal } from './observe/journal.ts'
import { benchToggled } from './observe/toggled.ts'

export async function benchObserve(bench: Bench): Promise<void> {
  benchJournal(bench)
  await withLoad(bench, async (generator, folder) => {
    const path = join(folder, 'access.log')
    await benchToggled(bench, generator, folder, path)
    assert.ok(statSync(path).size > 0, 'the access log is empty')
  })
}
