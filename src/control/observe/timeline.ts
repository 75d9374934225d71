/**
 * What reloads did: the rules and destinations that each changed, and their connections, failures
 * and shares before and after, whether or not anybody watched.
 *
 *   published ─▶ counts of this moment ─(the compiling thread compares)─▶ an Entry for the reload
 *                                         before: since the last change of the same rule, to this one
 *                                         after:  from this one to the next change of it, or to now
 */

import { monotonicMs } from '../../base/clock.ts'
import type { SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import type { RuleChange, TableChanges } from '../../table/explain/compare.ts'
import { destinationName } from '../../table/plan/destination.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import type { PublishedChanges } from '../compile/compare-task.ts'

/** Connections of a rule or to a destination, of some time. */
export type Period = {
  readonly seconds: number
  readonly connections: number
  readonly failedDials: number
  /** Those that ended, and those of them that the server reset. */
  readonly ended: number
  readonly resets: number
  /** Of a rule: by destination, as "host:port subset name". */
  readonly shares: readonly { readonly destination: string; readonly connections: number }[]
}

type Effect = { readonly periodBefore: Period | null; readonly periodAfter: Period | null }
export type RuleEffect = RuleChange & Effect
type DestinationEffect = TableChanges['destinations'][number] & Effect

export type Entry = {
  readonly rules: readonly RuleEffect[]
  readonly destinations: readonly DestinationEffect[]
  /** Changes that are not listed. */
  readonly more: number
}

/** Rules and destinations that changed once, and are followed; the oldest are forgotten. */
const GROUPS_MAX = 10_000

type Counts = {
  connections: number
  failedDials: number
  ended: number
  resets: number
  readonly shares: Map<string, number>
}
/** By subject: a rule's name, or "to " and a destination. */
export type Snapshot = ReadonlyMap<string, Counts>

/** A rule or destination that a reload changed. */
type Followed = {
  readonly group: string
  readonly subject: string
  readonly before: Period | null
  readonly start: Counts
  readonly startMs: number
  /** The period after; null: it goes on. */
  after: Period | null
}

type Kept = { readonly changes: PublishedChanges; readonly followed: readonly Followed[] }

export class Timeline {
  readonly #startMs: number
  readonly #nowMs: () => number
  readonly #kept = new Map<number, Kept>()
  /** The counts when a VirtualService's rules, or a destination, changed last. */
  readonly #last = new Map<string, { readonly ms: number; readonly counts: Snapshot }>()

  constructor(nowMs: () => number = monotonicMs) {
    this.#nowMs = nowMs
    this.#startMs = nowMs()
  }

  /**
   * The reload `number` was published when there were `totals`; `changes` may come later, but
   * before those of the next one.
   */
  async published(
    number: number,
    totals: readonly Total<SeriesName>[],
    changes: Promise<PublishedChanges>,
  ): Promise<void> {
    const [ms, counts] = [this.#nowMs(), snapshotOf(totals)]
    this.#take(number, ms, counts, await changes)
  }

  /**
   * What is known of a reload; null: it has changed no rule, or is too long ago.
   *
   * @param counts  Of now (`snapshotOf`); called if a period of the reload goes on.
   */
  entry(number: number, counts: () => Snapshot): Entry | null {
    const kept = this.#kept.get(number)
    if (kept === undefined) return null
    const goesOn = kept.followed.some(({ after }) => after === null)
    const now: Snapshot = goesOn ? counts() : new Map()
    const effects = kept.followed.map(each => ({
      periodBefore: each.before,
      periodAfter: each.after ?? this.#periodOf(each, now, this.#nowMs()),
    }))
    const { rules, destinations, more } = kept.changes
    return {
      rules: rules.map((rule, index) => ({ ...rule, ...effects[index] })),
      destinations: destinations.map((each, index) => ({ ...each, ...effects[rules.length + index] })),
      more,
    }
  }

  /** Forgets the reloads before this one. */
  forget(number: number): void {
    for (const known of this.#kept.keys()) if (known < number) this.#kept.delete(known)
  }

  #take(number: number, ms: number, counts: Snapshot, changes: PublishedChanges): void {
    const subjects = subjectsOf(changes)
    const groups = new Set(subjects.flatMap(each => each.groups))
    const followed = subjects.map(({ group, was, subject }): Followed => {
      const start = counts.get(subject) ?? nothing()
      return { group, subject, before: this.#before(group, was, counts, ms), start, startMs: ms, after: null }
    })
    for (const { followed } of this.#kept.values())
      for (const each of followed) if (groups.has(each.group)) each.after ??= this.#periodOf(each, counts, ms)
    for (const [group, own] of byGroup(counts, groups)) {
      this.#last.delete(group)
      this.#last.set(group, { ms, counts: own })
    }
    for (const group of this.#last.keys()) if (this.#last.size > GROUPS_MAX) this.#last.delete(group)
    this.#kept.set(number, { changes, followed })
  }

  /** null: it was not there. */
  #before(group: string, was: string | null, counts: Snapshot, ms: number): Period | null {
    if (was === null) return null
    const last = this.#last.get(group)
    const base = last?.counts.get(was) ?? nothing()
    return difference(counts.get(was) ?? nothing(), base, ms - (last?.ms ?? this.#startMs))
  }

  #periodOf({ subject, start, startMs }: Followed, counts: Snapshot, ms: number): Period {
    return difference(counts.get(subject) ?? start, start, ms - startMs)
  }
}

type Subject = {
  /** What changes together, since its counts begin anew: a VirtualService, or a destination. */
  readonly group: string
  readonly groups: readonly string[]
  readonly subject: string
  /** Its former name; null: it was not there. */
  readonly was: string | null
}

function subjectsOf({ rules, destinations }: PublishedChanges): Subject[] {
  return [
    ...rules.map(({ rule, was, change }) => {
      const services = [rule, ...(was ? [was] : [])].map(each => each.virtualService)
      const subject = ruleName(rule)
      return {
        group: rule.virtualService,
        groups: [...new Set(services)],
        subject,
        was: change === 'added' ? null : ruleName(was ?? rule),
      }
    }),
    ...destinations.map(({ destination, change }) => {
      const subject = `to ${destination}`
      return { group: subject, groups: [subject], subject, was: change === 'added' ? null : subject }
    }),
  ]
}

const nothing = (): Counts => ({ connections: 0, failedDials: 0, ended: 0, resets: 0, shares: new Map() })

/** The counts of this moment by subject. */
export function snapshotOf(totals: readonly Total<SeriesName>[]): Snapshot {
  const counts = new Map<string, Counts>()
  for (const total of totals) {
    const { rule, destination, instead } = total.name
    if (instead !== null || destination === null) continue
    const to = destinationName(destination)
    if (rule !== null) add(counts, ruleName(rule), total, to)
    add(counts, `to ${to}`, total, null)
  }
  return counts
}

function add(
  counts: Map<string, Counts>,
  subject: string,
  { opened, moved, failed, closed, reset }: Total<SeriesName>,
  to: string | null,
): void {
  const sum = counts.getOrInsertComputed(subject, nothing)
  const connections = opened - moved
  sum.connections += connections
  sum.failedDials += failed
  sum.ended += closed - moved
  sum.resets += reset
  if (to !== null) sum.shares.set(to, (sum.shares.get(to) ?? 0) + connections)
}

/**
 * The counts of each group: those of subjects that begin with its name. In one pass, since there
 * may be tens of thousands of subjects, and a hundred groups that have changed.
 */
function byGroup(counts: Snapshot, groups: ReadonlySet<string>): ReadonlyMap<string, Snapshot> {
  const found = new Map([...groups].map(group => [group, new Map<string, Counts>()]))
  for (const [subject, count] of counts)
    for (const prefix of prefixesOf(subject)) found.get(prefix)?.set(subject, count)
  return found
}

/** "a b c" for "a b c", and what begins it: "a b", "a". */
function* prefixesOf(subject: string): Generator<string> {
  yield subject
  for (let end = subject.lastIndexOf(' '); end > 0; end = subject.lastIndexOf(' ', end - 1))
    yield subject.slice(0, end)
}

function difference(now: Counts, base: Counts, ms: number): Period {
  const less = (field: 'connections' | 'failedDials' | 'ended' | 'resets') =>
    Math.max(0, now[field] - base[field])
  const shares = [...now.shares].map(([destination, count]) => ({
    destination,
    connections: Math.max(0, count - (base.shares.get(destination) ?? 0)),
  }))
  return {
    seconds: Number((Math.max(0, ms) / 1000).toFixed(3)),
    connections: less('connections'),
    failedDials: less('failedDials'),
    ended: less('ended'),
    resets: less('resets'),
    shares: shares.filter(each => each.connections > 0),
  }
}
