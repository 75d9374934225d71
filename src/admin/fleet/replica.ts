/**
 * One gateway of a fleet, as it answers: how it is, and its weighted rules with their counts.
 *
 * It may be of another version, or no weir at all, so what it says is checked before it counts. It
 * is asked for /summary and /routes only, which ask nobody else.
 */

import { monotonicMs } from '../../base/clock.ts'
import type { Destination } from '../../table/plan/destination.ts'
import type { RuleName } from '../../table/plan/rule-name.ts'
import { type AdminPlace, formatAdminPlace } from '../admin-place.ts'
import { askAdmin, Unanswered } from '../ask.ts'

/** Of /summary. */
export type ReplicaSummary = {
  /** Of the process; null: its version is older. */
  readonly instance: string | null
  readonly version: string
  readonly workers: number
  readonly uptimeS: number
  readonly generation: number
  readonly configuration: string
  readonly ready: boolean
  readonly why: string | null
  readonly counters: { readonly open: number; readonly accepted: number }
  readonly lastReload: { readonly at: string }
}

/** Of /routes. */
export type WeightedRule = {
  readonly rule: RuleName
  readonly split: string | null
  readonly destinations: readonly (Destination & {
    readonly configuredShare: number | null
    readonly connections: number
  })[]
}

export type Answering = {
  readonly place: string
  readonly summary: ReplicaSummary
  readonly rules: readonly WeightedRule[]
  /** All that it has. */
  readonly rulesTotal: number
  /** Why its rules are not known; null: they are. */
  readonly rulesWhy: string | null
}
export type Replica = Answering | { readonly place: string; readonly error: string }

export type AskOptions = {
  readonly token: string | null
  /** Rules of each replica that are asked for. */
  readonly rulesMost: number
}

/** What one replica may take. */
export type Bounds = {
  /** By monotonicMs. */
  readonly untilMs: number
  /** Rules come when it is one's turn: answers are large. */
  readonly inTurn: <Result>(run: () => Promise<Result>) => Promise<Result>
}

const SUMMARY_BYTES_MAX = 2 ** 16
/** Rules of one answer, and its size: some 1 kB a rule, unless it has many listeners. */
const PAGE = 100
const PAGE_BYTES_MAX = 2 ** 23
/** With less time left nobody is asked. */
const ASK_MS_MIN = 10

type Get = (path: string, bytesMax: number) => Promise<unknown>

export async function askReplica(
  place: AdminPlace,
  { token, rulesMost }: AskOptions,
  { untilMs, inTurn }: Bounds,
): Promise<Replica> {
  const name = formatAdminPlace(place)
  const get: Get = (path, bytesMax) => {
    const totalMs = untilMs - monotonicMs()
    if (totalMs < ASK_MS_MIN) throw new Unanswered('no time was left to ask')
    return askAdmin(place, { path, token }, { totalMs, bytesMax })
  }
  try {
    const summary = replicaSummary(await get('/summary', SUMMARY_BYTES_MAX))
    const rules = await inTurn(() => weightedOrWhy(get, rulesMost))
    return { place: name, summary, ...rules }
  } catch (error) {
    if (error instanceof Misshapen)
      return {
        place: name,
        error: `what answers at ${name} is no weir, or of another version: no ${error.message}`,
      }
    if (error instanceof Unanswered) return { place: name, error: error.message }
    throw error
  }
}

type Rules = Pick<Answering, 'rules' | 'rulesTotal' | 'rulesWhy'>

/** All that were asked for, or none: it is there all the same. */
async function weightedOrWhy(get: Get, most: number): Promise<Rules> {
  const none = (rulesWhy: string): Rules => ({ rules: [], rulesTotal: 0, rulesWhy })
  try {
    return await weighted(get, most)
  } catch (error) {
    if (error instanceof Misshapen) return none(`it is of another version: no ${error.message}`)
    if (error instanceof Unanswered) return none(error.detail)
    throw error
  }
}

/** Rules with several destinations: of others there is no share to tell. */
async function weighted(get: Get, most: number): Promise<Rules> {
  const rules: WeightedRule[] = []
  let rulesTotal = 0
  for (let next: string | null = ''; next !== null && rules.length < most; ) {
    const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const page = Object(await get(`/routes?show=weighted&limit=${PAGE}${cursor}`, PAGE_BYTES_MAX)) as Record<
      string,
      unknown
    >
    const found = listOf(page, 'rules').map(readRule)
    rules.push(...found)
    rulesTotal = numberOf(page, 'total')
    next = found.length > 0 && typeof page.next === 'string' ? page.next : null
  }
  return { rules: rules.slice(0, most), rulesTotal, rulesWhy: null }
}

/** An answer lacks a field; the message names it. */
class Misshapen extends Error {}

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (from: Fields, name: string): Fields => Object(from[name]) as Fields

function textOf(from: Fields, name: string): string {
  const value = from[name]
  if (typeof value !== 'string') throw new Misshapen(name)
  return value
}

function numberOf(from: Fields, name: string): number {
  const value = from[name]
  if (typeof value !== 'number' || !(value >= 0)) throw new Misshapen(name)
  return value
}

function listOf(from: Fields, name: string): readonly Fields[] {
  const value = from[name]
  if (!Array.isArray(value)) throw new Misshapen(name)
  return value.map(each => Object(each) as Fields)
}

const orNull = <T>(read: (from: Fields, name: string) => T, from: Fields, name: string): T | null =>
  from[name] === null || from[name] === undefined ? null : read(from, name)

/** What counts of an answer of /summary. */
export function replicaSummary(answer: unknown): ReplicaSummary {
  const from = Object(answer) as Fields
  const counters = fieldsOf(from, 'counters')
  return {
    instance: orNull(textOf, from, 'instance'),
    version: textOf(from, 'version'),
    workers: numberOf(from, 'workers'),
    uptimeS: numberOf(from, 'uptimeS'),
    generation: numberOf(from, 'generation'),
    configuration: textOf(from, 'configuration'),
    ready: from.ready === true,
    why: orNull(textOf, from, 'why'),
    counters: { open: numberOf(counters, 'open'), accepted: numberOf(counters, 'accepted') },
    lastReload: { at: textOf(fieldsOf(from, 'lastReload'), 'at') },
  }
}

function readRule(from: Fields): WeightedRule {
  const rule = fieldsOf(from, 'rule')
  return {
    rule: {
      virtualService: textOf(rule, 'virtualService'),
      block: textOf(rule, 'block') as RuleName['block'],
      route: numberOf(rule, 'route'),
      match: orNull(numberOf, rule, 'match'),
    },
    split: orNull(textOf, from, 'split'),
    destinations: listOf(from, 'destinations').map(each => ({
      host: textOf(each, 'host'),
      port: numberOf(each, 'port'),
      subset: orNull(textOf, each, 'subset'),
      configuredShare: orNull(numberOf, each, 'configuredShare'),
      connections: numberOf(each, 'connections'),
    })),
  }
}
