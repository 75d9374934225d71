/**
 * What a change would take from the connections that are served now, and what the guard says of it:
 * the losses that the compiling thread has found, and those that only the main thread can see.
 */

import { openTable, type Table } from '../../table/format/table.ts'
import type { Compiled } from '../compile/compiled.ts'
import type { DataPlane } from '../workers/data-plane.ts'
import type { ClosingDestinations } from '../workers/removal-judge.ts'
import { withDenied } from './policy-losses.ts'
import { type GuardMode, judge, type Verdict } from './reload-guard.ts'
import { withEnded } from './removal-losses.ts'
import { withUnserved } from './server-losses.ts'

/** What is served now. */
type Served = { readonly table: Table; readonly plane: Pick<DataPlane, 'observer' | 'closing'> }

/**
 * The guard's verdict; null if the change takes nothing from connections.
 *
 * @param closing  The destinations whose connections end with their endpoint, after the change.
 */
export function judgeChange(
  mode: GuardMode,
  compiled: Compiled,
  { table: served, plane }: Served,
  closing: ClosingDestinations,
): Verdict | null {
  const { table, access, resources } = compiled
  if (table === null) return null
  const { observer } = plane
  const after = () => openTable(table)
  const isOpenToAll = access === ''
  const denied = isOpenToAll ? compiled.losses : withDenied(compiled, after(), observer, served)
  const unserved = withUnserved(denied, resources, after, observer, served)
  const losses = withEnded(unserved, resources, closing, observer, plane.closing)
  if (losses === null) return null
  return judge(mode, losses, {
    totals: observer.totals(),
    lastMinute: observer.lastMinute.bind(observer),
  })
}
