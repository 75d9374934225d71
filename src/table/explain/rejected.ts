/** Why rules were rejected: their conditions that do not hold, with both values. */

import { contains, type Family, formatAddress, formatCidr } from '../../address/address.ts'
import { own } from '../../base/own.ts'
import type { ColdRule, ColdWorkload } from '../format/cold.ts'
import { Rule } from '../format/routing-layout.ts'
import { prefixesOf } from '../format/rows.ts'
import type { Table } from '../format/table.ts'
import { hasBit } from '../match/fulfilled.ts'
import type { Query } from '../match/query.ts'
import { type SourceCondition, UNKNOWN_CLIENT } from '../plan/plan.ts'
import { takesName } from '../plan/server-name.ts'
import type { Explanation } from './explanation.ts'
import type { Words } from './words.ts'

/** A matched connection, and its client's identity. */
export type Asker = {
  readonly query: Query
  readonly client: ColdWorkload
  /** The source conditions that the client fulfils. */
  readonly bits: Uint32Array
}

/** The first `most` rules that were tried before the matching one, or all that failed. */
export function rejectedRules(
  table: Table,
  { cold }: Words,
  asker: Asker,
  most: number,
): Explanation['rejected'] {
  const { query } = asker
  if (query.scope < 0) return []
  const { rules } = cold.scopes[query.scope]
  // The row of a default is none of these rules: the rules before it were tried, those after it
  // were not.
  const next = query.rule < 0 ? -1 : rules.findIndex(rule => rule.row >= query.rule)
  return rules.slice(0, Math.min(next < 0 ? rules.length : next, most)).map(rule => {
    const { virtualService, block, route, match } = rule.origin
    const because = becauseOf(table, cold.conditions, rule, asker)
    return { virtualService, block, route, match, because }
  })
}

/** Every condition of `rule` that does not hold, with both values. */
function becauseOf(
  table: Table,
  conditions: readonly SourceCondition[],
  rule: ColdRule,
  { query, client, bits }: Asker,
): string {
  if (rule.never !== null) return rule.never
  const { rules } = table
  const row = rule.row * Rule.WORDS
  const failed: string[] = []
  const port = rules[row + Rule.port]
  if (port !== 0 && port !== query.destinationPort)
    failed.push(`port: ${query.destinationPort} is not ${port}`)
  const { destinationFamily, destination } = query
  failed.push(
    ...outside(table, 'destinationSubnets', row + Rule.firstDestination, destinationFamily, destination),
    ...outside(table, 'sourceSubnet', row + Rule.firstClient, query.clientFamily, query.client),
  )
  if (rule.names && !rule.names.some(each => takesName(each, query.serverName)))
    failed.push(`sniHosts: ${query.serverName || 'no server name'} is none of ${rule.names.join(', ')}`)
  const condition = rules[row + Rule.condition]
  if (!hasBit(bits, 0, condition)) failed.push(...unfulfilled(conditions[condition], client))
  return failed.join('; ')
}

/**
 * What to say when the address lies in none of the run of prefixes whose first index stands at word
 * `run`.
 */
function outside(
  table: Table,
  attribute: string,
  run: number,
  family: Family | 0,
  words: Uint32Array,
): string[] {
  const cidrs = prefixesOf(table, run)
  if (cidrs.length === 0 || (family !== 0 && cidrs.some(cidr => contains(cidr, family, words)))) return []
  const address = family === 0 ? 'an unknown address' : formatAddress(family, words)
  return [`${attribute}: ${address} is outside ${cidrs.map(formatCidr).join(', ')}`]
}

/** Each part of a source condition that the client does not fulfil. */
function unfulfilled(condition: SourceCondition, client: ColdWorkload): string[] {
  const namespace = client.namespace ?? 'unknown'
  const failed: string[] = []
  if (condition.visibleTo !== null && !condition.visibleTo.includes(client.namespace ?? '')) {
    failed.push(`exportTo: the client's namespace ${namespace} is not in ${namesOf(condition.visibleTo)}`)
  }
  if (condition.namespace !== null && condition.namespace !== client.namespace) {
    failed.push(`sourceNamespace: ${namespace} is not ${condition.namespace}`)
  }
  for (const [key, wanted] of Object.entries(condition.labels)) {
    const value = own(client.labels, key)
    if (value === wanted) continue
    const has = value === undefined ? `the client has no label ${key}` : `${key}=${value}`
    failed.push(`sourceLabels: ${has}, not ${key}=${wanted}`)
  }
  return failed
}

/** Namespaces of `visibleTo`, in words. */
const namesOf = (visibleTo: readonly string[]): string =>
  visibleTo.filter(each => each !== UNKNOWN_CLIENT).join(', ')
