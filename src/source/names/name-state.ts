/**
 * What weir knows of one name: the addresses in force, and what the last lookup said.
 *
 *   pending ─▶ resolved ─one family fails─▶ partial
 *                 │ ▲
 *                 ▼ │
 *               stale ─NXDOMAIN or no address for 30 s─▶ unresolved
 *
 * A failure (no answer, SERVFAIL) takes no address away, however long it lasts: the servers behind
 * the name may well be up while DNS is not. The answer that the name has no address does, after
 * GONE_MS, since somebody else may get these addresses.
 */

import type { Family } from '../../address/address.ts'
import { type Answer, answerText, FAMILIES, failureOf, isFound } from './answer.ts'

/** HAProxy's default of `hold nx`. */
const GONE_MS = 30_000

export const NAME_STATES = ['resolved', 'partial', 'stale', 'unresolved', 'pending'] as const
export type NameStateName = (typeof NAME_STATES)[number]

type Kept = { readonly [family in Family]: readonly string[] }

const NOTHING: Kept = { 4: [], 6: [] }

export type NameState = {
  readonly name: string
  readonly state: NameStateName
  /** By family, in the order of the answer. */
  readonly kept: Kept
  /** The whole name that answered last; null: none did. */
  readonly asked: string | null
  readonly source: Answer['source'] | null
  /** Why it is not resolved, or not by both families; '': it is. */
  readonly why: string
  /** Lookups in a row of which a family, or the whole, has failed. */
  readonly failures: number
  /** Since when the answers say that it has no address; null: they do not. */
  readonly goneSinceMs: number | null
  /** When the state became what it is. */
  readonly sinceMs: number
}

export const unknownName = (name: string, nowMs: number): NameState => ({
  name,
  state: 'pending',
  kept: NOTHING,
  asked: null,
  source: null,
  why: '',
  failures: 0,
  goneSinceMs: null,
  sinceMs: nowMs,
})

/** The state after an answer. */
export function answered(before: NameState, answer: Answer, nowMs: number): NameState {
  const next = isFound(answer) ? withAddresses(before, answer) : withoutAddresses(before, answer, nowMs)
  return { ...before, ...next, sinceMs: next.state === before.state ? before.sinceMs : nowMs }
}

type Next = Omit<NameState, 'name' | 'sinceMs'>

function withAddresses(before: NameState, answer: Answer): Next {
  const { asked, source } = answer
  // Addresses of another whole name belong to another service.
  const earlier = before.asked === asked ? before.kept : NOTHING
  const failed = failureOf(answer) !== null
  const of = (family: Family): readonly string[] => {
    const each = answer.families[family]
    return each.kind === 'found' ? each.addresses : each.kind === 'failed' ? earlier[family] : []
  }
  return {
    state: failed ? 'partial' : 'resolved',
    kept: { 4: of(4), 6: of(6) },
    asked,
    source,
    why: failed ? answerText(answer) : '',
    failures: failed ? before.failures + 1 : 0,
    goneSinceMs: null,
  }
}

function withoutAddresses(before: NameState, answer: Answer, nowMs: number): Next {
  const hasFailed = failureOf(answer) !== null
  const goneSinceMs = hasFailed ? before.goneSinceMs : (before.goneSinceMs ?? nowMs)
  const isGone = !hasFailed && goneSinceMs !== null && nowMs - goneSinceMs >= GONE_MS
  const kept = isGone ? NOTHING : before.kept
  return {
    state: FAMILIES.some(family => kept[family].length > 0) ? 'stale' : 'unresolved',
    kept,
    asked: before.asked,
    source: before.source,
    why: answerText(answer),
    failures: before.failures + 1,
    goneSinceMs,
  }
}

/**
 * IPv4 first. Sorted, so that an answer in another order is no change, unless the first one matters
 * (DNS_ROUND_ROBIN).
 */
export const addressesOf = ({ kept }: NameState, inOrder: boolean): readonly string[] =>
  FAMILIES.flatMap(family => (inOrder ? kept[family] : [...kept[family]].sort()))
