/**
 * What a rule asks of a connection: in words, and as a question that it would answer (`weir
 * explain`).
 */

import { formatAddress, formatCidr } from '../../address/address.ts'
import type { Cold, ColdRule } from '../format/cold.ts'
import { Rule } from '../format/routing-layout.ts'
import { prefixesOf } from '../format/rows.ts'
import type { Table } from '../format/table.ts'
import { type SourceCondition, UNKNOWN_CLIENT } from '../plan/plan.ts'

/** "port 9000", "sourceSubnet 10.1.0.0/16", …: all of them must hold; none: every connection. */
export function conditionTexts(table: Table, cold: Cold, { row, never, names }: ColdRule): string[] {
  if (never !== null) return []
  const at = row * Rule.WORDS
  const port = table.rules[at + Rule.port]
  return [
    ...(port === 0 ? [] : [`port ${port}`]),
    ...(names ? [`sniHosts ${names.join(' ')}`] : []),
    ...cidrText('destinationSubnets', table, at + Rule.firstDestination),
    ...cidrText('sourceSubnet', table, at + Rule.firstClient),
    ...sourceText(cold.conditions[table.rules[at + Rule.condition]]),
  ]
}

/** A connection that fulfils the conditions of a rule; null: the rule does not ask. */
type RuleExample = {
  /** An address that it asks clients to connect to. */
  readonly to: string | null
  readonly from: string | null
  readonly sni: string | null
  readonly namespace: string | null
  /** "app=web,tier=front". */
  readonly labels: string | null
}

/** Earlier rules may still take the connection: only `explain` tells. */
export function exampleOf(table: Table, cold: Cold, { row, names }: ColdRule): RuleExample {
  if (row < 0) return { to: null, from: null, sni: null, namespace: null, labels: null }
  const at = row * Rule.WORDS
  const { namespace, labels } = cold.conditions[table.rules[at + Rule.condition]]
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return {
    to: firstAddress(table, at + Rule.firstDestination),
    from: firstAddress(table, at + Rule.firstClient),
    sni: names?.[0]?.replace(/^\*(?=\.|$)/, 'any') ?? null,
    namespace,
    labels: pairs.length === 0 ? null : pairs.join(','),
  }
}

function firstAddress(table: Table, run: number): string | null {
  const [first] = prefixesOf(table, run)
  return first === undefined ? null : formatAddress(first.family, first.words)
}

function cidrText(name: string, table: Table, run: number): string[] {
  const cidrs = prefixesOf(table, run)
  return cidrs.length === 0 ? [] : [`${name} ${cidrs.map(formatCidr).join(' ')}`]
}

function sourceText({ namespace, labels, visibleTo }: SourceCondition): string[] {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return [
    ...(namespace === null ? [] : [`sourceNamespace ${namespace}`]),
    ...(pairs.length === 0 ? [] : [`sourceLabels ${pairs.sort().join(',')}`]),
    ...(visibleTo === null
      ? []
      : [`exportTo ${visibleTo.map(each => (each === UNKNOWN_CLIENT ? 'unknown' : each)).join(' ')}`]),
  ]
}
