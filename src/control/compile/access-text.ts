/** Access control, in words for the log. */

import type { Plan } from '../../table/plan/plan.ts'

/** Policies that a line of the log names. */
const POLICIES_TOLD_MAX = 10

/** "2 AuthorizationPolicies are enforced: shop/allow-office (ALLOW) at shop/edge; …". */
export function accessText({ policies = [], listeners }: Plan): string {
  if (policies.length === 0) return ''
  const count =
    policies.length === 1 ? '1 AuthorizationPolicy is' : `${policies.length} AuthorizationPolicies are`
  const told = policies.slice(0, POLICIES_TOLD_MAX).map(({ name, action, dryRun }, index) => {
    const where = listeners.filter(each => each.policies?.includes(index)).map(each => each.gateway)
    return `${name} (${action}${dryRun ? ', dry run' : ''}) at ${[...new Set(where)].join(', ')}`
  })
  const rest = policies.length - told.length
  return `${count} enforced: ${told.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`
}
