/**
 * Counts of rules since their VirtualServices last changed: hits, and what each destination got
 * beside what it should get.
 */

import type { SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import { countClients } from '../../stats/split-clients.ts'
import { type Destination, destinationKey } from '../../table/plan/destination.ts'
import type { RuleOrigin, Split } from '../../table/plan/plan.ts'
import type { Baselines } from './baselines.ts'
import type { Counted } from './observer.ts'
import { keyOf, type RuleEntry, type Rules } from './rules.ts'
import { type DeliveredShare, deliveredShare, shareOfClients } from './share-verdict.ts'

type Delivered = {
  readonly connections: number
  readonly open: number
  readonly receivedBytes: number
  readonly sentBytes: number
  /** ISO 8601; null: none since its VirtualService last changed. */
  readonly lastAt: string | null
}

type DeliveredTo = Delivered &
  Destination & {
    /** 0 to 1; null: no longer a destination of the rule. */
    readonly configuredShare: number | null
    /** null: no connection yet. */
    readonly deliveredShare: DeliveredShare | null
    /** Of a sticky split: buckets of its clients that have come; null: nobody counts them. */
    readonly clients: number | null
    /** Picked for it while all its endpoints were down, and given to others (`on-dead`). */
    readonly givenAway: number
    /** Likewise given to it by others. */
    readonly takenOver: number
  }

/**
 * Connections of a moment at which workers are told of a change: they may still be decided as
 * before.
 */
const AT_A_CHANGE = 16

/** Counts by rule; connections without a rule are under ''. */
export class RuleCounts {
  readonly #byRule: ReadonlyMap<string, readonly Total<SeriesName>[]>
  readonly #baselines: Baselines
  readonly #chances: number
  readonly #underWay: number
  readonly #clients: Int32Array | null

  constructor({ totals, underWay, clients }: Counted, { chances }: Rules, baselines: Baselines) {
    this.#byRule = Map.groupBy(totals, ({ name }) => (name.rule ? keyOf(name.rule) : ''))
    this.#baselines = baselines
    this.#chances = chances
    this.#underWay = underWay
    this.#clients = clients
  }

  /** The connections of the rule since its VirtualService last changed. */
  hits(entry: RuleEntry): number {
    return this.sums(entry).connections
  }

  /** The same, with those that are open, and when the last one came: milliseconds, 0: never. */
  sums({ origin }: RuleEntry): { connections: number; open: number; lastMs: number } {
    const { counts } = this.#baselines.of(origin.virtualService)
    const sums = { connections: 0, open: 0, lastMs: 0 }
    for (const { name, opened, moved, closed, lastWallMs } of this.#byRule.get(keyOf(origin)) ?? []) {
      if (name.instead !== null) continue
      const base = counts.get(name.key)
      const since = Math.max(0, opened - (base?.opened ?? 0))
      sums.connections += since - Math.max(0, moved - (base?.moved ?? 0))
      sums.open += opened - moved - closed
      if (since > 0) sums.lastMs = Math.max(sums.lastMs, lastWallMs)
    }
    return sums
  }

  /** The rule as a whole, and each of its destinations; former destinations come last. */
  delivered({
    origin,
    split,
    sticky,
    destinations,
    entries,
  }: RuleEntry): Delivered & { readonly destinations: readonly DeliveredTo[] } {
    const since = this.#since(origin)
    const counted = since.filter(({ name }) => name.instead === null)
    const byDestination = Map.groupBy(counted, ({ name }) => destinationKey(name.destination))
    const now = destinations.map(each => destinationKey(each))
    const before = [...byDestination.keys()].filter(key => !now.includes(key))
    const all = summed(counted)
    const looks = { chances: this.#chances, underWay: this.#underWayOf(origin, entries) }
    const given = new Given(since, { all: all.connections, split, looks })
    const byClients = this.#byClients(sticky, destinations)
    const configured = destinations.map(({ host, subset, port, share }, index) => {
      const sums = summed(byDestination.get(now[index]) ?? [])
      const shares = given.sharesOf(now[index], sums.connections, share)
      const place = { host, subset, port, configuredShare: share, clients: null }
      return { ...place, ...shares, ...byClients?.[index], ...sums }
    })
    const former = before.flatMap(key => {
      const found = byDestination.get(key) ?? []
      const destination = found[0]?.name.destination
      if (!destination) return []
      const sums = summed(found)
      const shares = given.sharesOf(key, sums.connections, null)
      return [{ ...destination, configuredShare: null, clients: null, ...shares, ...sums }]
    })
    return {
      ...all,
      destinations: [...configured, ...former.filter(each => each.connections + each.open > 0)],
    }
  }

  /** What a sticky split gave to each destination, in clients; null: nobody counts them. */
  #byClients(sticky: RuleEntry['sticky'], destinations: RuleEntry['destinations']) {
    const counts = sticky && this.#clients && countClients(this.#clients, sticky, destinations.length)
    if (!counts) return null
    const all = counts.reduce((sum, count) => sum + count, 0)
    return destinations.map(({ share }, index) => ({
      clients: counts[index],
      deliveredShare: shareOfClients(counts[index], all, share, this.#chances),
    }))
  }

  /**
   * Connections without a rule that went on nevertheless, by destination; null: an address that is
   * no service.
   */
  unruled(): (Delivered & { readonly destination: SeriesName['destination']; readonly other: boolean })[] {
    const groups = Map.groupBy(this.#byRule.get('') ?? [], ({ name }) =>
      name.key === 'other' ? 'other' : destinationKey(name.destination),
    )
    return [...groups].map(([key, found]) => ({
      ...summed(found),
      destination: found[0].name.destination,
      other: key === 'other',
    }))
  }

  /** Two parts of an exact schedule may each be off by less than a connection at both ends. */
  #underWayOf(origin: RuleOrigin, entries: number): number {
    const isFirst = this.#baselines.of(origin.virtualService).counts.size === 0
    return this.#underWay + 2 * entries + (isFirst ? 0 : AT_A_CHANGE)
  }

  /** The counts of one of its destinations. */
  of({ origin }: RuleEntry, destination: SeriesName['destination']): Total<SeriesName>[] {
    const key = destinationKey(destination)
    return this.#since(origin).filter(
      ({ name }) => name.instead === null && destinationKey(name.destination) === key,
    )
  }

  #since(origin: RuleOrigin): Total<SeriesName>[] {
    const { counts } = this.#baselines.of(origin.virtualService)
    return (this.#byRule.get(keyOf(origin)) ?? []).map(total => {
      const base = counts.get(total.name.key)
      if (base === undefined) return total
      const less = (field: Grown) => Math.max(0, total[field] - base[field])
      // Open connections stay open: closed is reduced by as much as opened.
      const closed = total.closed - (total.opened - total.moved) + (less('opened') - less('moved'))
      return {
        ...total,
        opened: less('opened'),
        moved: less('moved'),
        given: less('given'),
        received: less('received'),
        sent: less('sent'),
        failed: less('failed'),
        silent: less('silent'),
        reset: less('reset'),
        brief: less('brief'),
        closed,
      }
    })
  }
}

/** What only grows. */
type Grown = Exclude<keyof Total<SeriesName>, 'name' | 'closed' | 'lastWallMs'>

/** How the connections of a rule are judged. */
type Judged = {
  readonly all: number
  readonly split: Split | null
  readonly looks: Parameters<typeof deliveredShare>[4]
}

/**
 * What destinations of a rule that were down gave to others. The verdict of a split holds the
 * configured share against what was picked for a destination, whoever got it.
 */
class Given {
  readonly #away = new Map<string, number>()
  readonly #over = new Map<string, number>()
  readonly #judged: Judged

  constructor(totals: readonly Total<SeriesName>[], judged: Judged) {
    this.#judged = judged
    for (const { name, given } of totals) {
      if (name.instead === null) continue
      add(this.#away, destinationKey(name.destination), given)
      add(this.#over, destinationKey(name.instead), given)
    }
  }

  /** Of a destination that got so many. */
  sharesOf(key: string, connections: number, configured: number | null) {
    const { all, split, looks } = this.#judged
    const givenAway = this.#away.get(key) ?? 0
    const takenOver = this.#over.get(key) ?? 0
    const delivered = deliveredShare(connections, all, configured, split, looks)
    if (delivered === null || givenAway + takenOver === 0)
      return { deliveredShare: delivered, givenAway, takenOver }
    const count = Math.min(all, Math.max(0, connections + givenAway - takenOver))
    const verdict = deliveredShare(count, all, configured, split, looks)?.verdict ?? null
    return { deliveredShare: { ...delivered, verdict }, givenAway, takenOver }
  }
}

const add = (counts: Map<string, number>, key: string, count: number): void => {
  counts.set(key, (counts.get(key) ?? 0) + count)
}

function summed(totals: readonly Total<SeriesName>[]): Delivered {
  const sums = { connections: 0, open: 0, receivedBytes: 0, sentBytes: 0, lastMs: 0 }
  for (const { opened, moved, closed, received, sent, lastWallMs } of totals) {
    sums.connections += opened - moved
    sums.open += opened - moved - closed
    sums.receivedBytes += received
    sums.sentBytes += sent
    if (opened > 0) sums.lastMs = Math.max(sums.lastMs, lastWallMs)
  }
  const { lastMs, ...rest } = sums
  return { ...rest, lastAt: lastMs === 0 ? null : new Date(lastMs).toISOString() }
}
