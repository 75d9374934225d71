/** What a published table changed beside the one before it: the compiling thread's second task. */

import { compareTables, type RuleChange, type TableChanges } from '../../table/explain/compare.ts'
import { openTable, type TableBuffers } from '../../table/format/table.ts'

/** Changes of each kind that are listed. */
const CHANGES_MAX = 100

export type CompareTask = { readonly before: TableBuffers; readonly after: TableBuffers }

export type PublishedChanges = {
  readonly rules: readonly RuleChange[]
  readonly destinations: TableChanges['destinations']
  /** Changes that are not listed. */
  readonly more: number
}

export function compareTask({ before, after }: CompareTask): PublishedChanges {
  const { rules, destinations } = compareTables(openTable(before), openTable(after))
  const listed = { rules: rules.slice(0, CHANGES_MAX), destinations: destinations.slice(0, CHANGES_MAX) }
  const more = rules.length + destinations.length - listed.rules.length - listed.destinations.length
  return { ...listed, more }
}
