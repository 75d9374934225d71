/** Rows of `accessRules` in words, for logs, counts and displays; never on the data path. */

import type { AccessPolicy } from '../plan/access.ts'
import { AccessRow } from './access-layout.ts'
import type { Cold } from './cold.ts'
import type { Table } from './table.ts'

/** A rule of a policy; `rule` null means an ALLOW policy of which no rule matches. */
export type PolicyRule = {
  /** 'namespace/name'. */
  readonly policy: string
  readonly rule: number | null
  readonly action: AccessPolicy['action']
  readonly dryRun: boolean
}

export function policyRuleOf({ access }: Table, { policies = [] }: Cold, row: number): PolicyRule | null {
  const at = row * AccessRow.WORDS
  if (access === null || row < 0 || at >= access.rows.length) return null
  const { name, action, dryRun, rules } = policies[access.rows[at + AccessRow.policy]]
  const rule = access.rows[at + AccessRow.rule]
  // A policy with one rule leaves no doubt about which one did not match.
  const only = rules.length === 1 ? 0 : null
  return { policy: name, rule: rule < rules.length ? rule : only, action, dryRun }
}

/** "edge/allow-office rules[0]", or the policy alone. */
export const policyRuleName = ({ policy, rule }: PolicyRule): string =>
  rule === null ? policy : `${policy} rules[${rule}]`
