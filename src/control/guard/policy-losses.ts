/**
 * Open connections that the policies of a change would deny, and those in force let in: what such
 * a change takes from connections, as far as it can be seen.
 *
 * Unlike other losses these are found on the main thread, since live connections say who they are
 * and counts do not.
 */

import type { LoadedResource } from '../../config/load.ts'
import { policyRuleName, policyRuleOf } from '../../table/format/access-names.ts'
import { readCold, type Table } from '../../table/format/table.ts'
import type { Observer } from '../observe/observer.ts'
import { findDenied } from '../workers/revocation.ts'
import { LOSS_KINDS, type Loss, type Losses, ofKind } from './loss.ts'

/** The losses of a change and what its policies would deny; null: nothing. */
export function withDenied(
  { losses, resources }: { readonly losses: Losses | null; readonly resources: readonly LoadedResource[] },
  after: Table,
  observer: Observer,
  before: Table,
): Losses | null {
  if (after.access === null) return losses
  const already = new Set(findDenied(observer, before).map(each => each.id))
  const denied = findDenied(observer, after).filter(each => !already.has(each.id))
  if (denied.length === 0) return losses
  const cold = readCold(after)
  const open = observer.live.count()
  const byRule = [...Map.groupBy(denied, each => each.policy)].map(([row, own]): Loss => {
    const rule = policyRuleOf(after, cold, row - 1)
    const policy = cold.policies?.find(each => each.name === rule?.policy)
    const title = `AuthorizationPolicy ${rule?.policy}`
    const { file, line } = policy ?? { file: 'configuration', line: 1 }
    const resource = resources.some(each => each.title === title) ? title : null
    const change = `denies the clients of ${own.length} of ${open} open connections`
    return {
      name: rule ? policyRuleName(rule) : 'a policy',
      at: { file, line, resource },
      missing: [],
      change,
      open: own.length,
      keys: [],
      widerKeys: [],
    }
  })
  byRule.sort((a, b) => (b.open ?? 0) - (a.open ?? 0))
  const none = Object.fromEntries(LOSS_KINDS.map(kind => [kind, ofKind([])])) as Losses
  return { ...(losses ?? none), denied: { ...ofKind(byRule), open: denied.length } }
}
