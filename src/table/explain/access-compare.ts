/**
 * What differs in who may connect between two tables: policies, in words, with the listeners that
 * they are for (compare.ts).
 */

import { Access as Own, SourceLimitRow } from '../format/access-layout.ts'
import type { Cold, ColdPolicy, ColdTest } from '../format/cold.ts'
import { readCold, type Table } from '../format/table.ts'

/** Values of one test, rules of one policy and listeners that are told. */
const VALUES_MAX = 10
const RULES_MAX = 20
const LISTENERS_MAX = 10

export type AccessChange = {
  readonly change: 'added' | 'removed' | 'changed'
  /** 'namespace/name'. */
  readonly policy: string
  /** Where it is written now; of a removed one, where it was. */
  readonly file: string
  readonly line: number
  /** What it says and where it is enforced, in words; null: it is enforced nowhere. */
  readonly before: string | null
  readonly after: string | null
}

type Side = { readonly table: Table; readonly cold: Cold }

/** A policy, and the listeners that it is for. */
export type Enforced = { readonly policy: ColdPolicy; readonly listeners: readonly string[] }

export function compareAccess(before: Side, after: Side): AccessChange[] {
  const [old, now] = [before, after].map(({ table, cold }) => enforcedIn(table, cold))
  return [...new Set([...old.keys(), ...now.keys()])].flatMap(policy => {
    const [was, is] = [old.get(policy) ?? null, now.get(policy) ?? null]
    if (sameText(was) === sameText(is)) return []
    const { file, line } = (is ?? (was as Enforced)).policy
    const change = was === null ? 'added' : is === null ? 'removed' : 'changed'
    return [{ change, policy, file, line, before: was && textOf(was, is), after: is && textOf(is, was) }]
  })
}

/** By name, in order. */
export function enforcedIn(table: Table, cold = readCold(table)): Map<string, Enforced> {
  const { policies = [], listeners } = cold
  const users = policies.map((): string[] => [])
  for (const [row, { policies: own = [] }] of listeners.entries())
    for (const policy of own) users[policy].push(table.sockets[row].key)
  return new Map(policies.map((policy, index) => [policy.name, { policy, listeners: users[index] }]))
}

/** Equal for what says the same at the same listeners, wherever it is written. */
const sameText = (enforced: Enforced | null): string => {
  if (enforced === null) return ''
  const { action, dryRun, rules } = enforced.policy
  return JSON.stringify([action, dryRun, rules.map(({ row: _, ...rule }) => rule), enforced.listeners])
}

/** "DENY at shop/edge *:443: from ipBlocks 192.0.2.0/24 to ports 443". */
function textOf({ policy, listeners }: Enforced, other: Enforced | null): string {
  const { action, dryRun } = policy
  const where = some(listeners, LISTENERS_MAX).join(', ')
  return `${action}${dryRun ? ' (dry run)' : ''} at ${where}: ${rulesText(policy, other?.policy ?? null)}`
}

/** @param other  What it is compared with: of many values, those that it lacks come first. */
export function rulesText({ rules }: ColdPolicy, other: ColdPolicy | null): string {
  const lists = (other?.rules ?? []).flatMap(({ from, to, when }) => [from.flat(), to.flat(), when])
  const known = new Set(lists.flat().flatMap(keysOf))
  const told = rules.slice(0, RULES_MAX).map(rule => ruleText(rule, known))
  const what = rules.length === 0 ? ['no rule'] : [...told, ...more(rules.length - told.length, 'rules')]
  return what.join('; ')
}

function ruleText(
  { never, from, to, when }: ColdPolicy['rules'][number],
  known: ReadonlySet<string>,
): string {
  if (never !== null) return never
  const either = (word: string, list: readonly (readonly ColdTest[])[]): string[] =>
    list.length === 0 ? [] : [`${word} ${list.map(tests => testsText(tests, known)).join(' or ')}`]
  const parts = [
    ...either('from', from),
    ...either('to', to),
    ...(when.length === 0 ? [] : [`when ${testsText(when, known)}`]),
  ]
  return parts.join(' ') || 'anybody'
}

const testsText = (tests: readonly ColdTest[], known: ReadonlySet<string>): string =>
  tests.map(test => testText(test, known)).join(' and ') || 'anything'

/** Of many values, those that the other one lacks come first. */
function testText(test: ColdTest, known: ReadonlySet<string>): string {
  const { field, not, values } = test
  const news = values.filter(value => !known.has(`${field} ${value}`))
  const ordered =
    values.length > VALUES_MAX ? [...news, ...values.filter(value => !news.includes(value))] : values
  return `${field}${not && !field.startsWith('not') ? ' not' : ''} ${some(ordered, VALUES_MAX).join(', ')}`
}

const keysOf = ({ field, values }: ColdTest): string[] => values.map(value => `${field} ${value}`)

const some = (texts: readonly string[], most: number): string[] => [
  ...texts.slice(0, most),
  ...more(texts.length - most, 'more'),
]
const more = (count: number, what: string): string[] => (count > 0 ? [`${count} ${what}`] : [])

/** "100 connections, 10 a second after 20 at once, for each /32 or /64"; '' for no limit. */
export function limitsText({ access }: Table, listener: number): string {
  if (access === null) return ''
  const own = listener * Own.WORDS
  const rows = [Own.firstLimit, Own.secondLimit].slice(0, access.listeners[own + Own.limitCount])
  return rows.map(field => limitText(access.limits, access.listeners[own + field])).join('; ')
}

function limitText(limits: Uint32Array, row: number): string {
  const at = (field: number): number => limits[row * SourceLimitRow.WORDS + field]
  const [connections, rate] = [at(SourceLimitRow.connections), at(SourceLimitRow.rate)]
  const parts = [
    ...(connections > 0 ? [`${connections} connections`] : []),
    ...(rate > 0 ? [`${rate} a second after ${at(SourceLimitRow.burst)} at once`] : []),
  ]
  return `${parts.join(', ')}, for each /${at(SourceLimitRow.prefix4)} or /${at(SourceLimitRow.prefix6)}`
}
