/**
 * Many gateways seen as one: who is ready, who serves another configuration than most, and which
 * shares they have delivered together.
 */

import { monotonicMs } from '../../base/clock.ts'
import { stateText } from '../../control/readiness.ts'
import { placesOf } from './places.ts'
import {
  type Answering,
  type AskOptions,
  askReplica,
  type Bounds,
  type Replica,
  type ReplicaSummary,
} from './replica.ts'
import { type FleetRule, fleetShares } from './shares.ts'

export type FleetReplica = {
  readonly place: string
  /** Why it is not as it should be; null: it is. */
  readonly why: string | null
  /** null: it does not answer. */
  readonly summary: ReplicaSummary | null
  /** Why its rules are not among those summed, though it is there; null: no such reason. */
  readonly rulesWhy: string | null
}

export type Fleet = {
  /** What most have; of as many, what was taken last; null: nobody answers. */
  readonly configuration: string | null
  readonly replicas: readonly FleetReplica[]
  readonly rules: readonly FleetRule[]
  /** Weighted rules of that configuration. */
  readonly rulesTotal: number
}

/** Replicas whose rules are read at once. */
const AT_ONCE = 8
/** What names may take of the time. */
const NAMES_SHARE = 1 / 3

type FleetOptions = AskOptions & {
  readonly hosts: readonly string[]
  /** For all that is asked. */
  readonly totalMs: number
  readonly placesMost: number
  readonly dnsServers?: readonly string[]
}

/** All at once, within the time. */
export async function askFleet(options: FleetOptions): Promise<Replica[]> {
  const { hosts, totalMs, placesMost: most, dnsServers: servers = [] } = options
  const untilMs = monotonicMs() + totalMs
  const { places, failed } = await placesOf(hosts, { totalMs: totalMs * NAMES_SHARE, most, servers })
  const bounds = { untilMs, inTurn: turnsOf(AT_ONCE) }
  const replicas = await Promise.all(places.map(place => askReplica(place, options, bounds)))
  return [...once(replicas), ...failed]
}

/** Lets so many run; the others wait. */
function turnsOf(atOnce: number): Bounds['inTurn'] {
  const waiting: (() => void)[] = []
  let running = 0
  return async run => {
    if (running >= atOnce) await new Promise<void>(resolve => waiting.push(resolve))
    else running++
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

/** A process that answers at several addresses counts once. */
function once(replicas: readonly Replica[]): Replica[] {
  const seen = new Set<string>()
  return replicas.filter(each => {
    const instance = 'summary' in each ? each.summary.instance : null
    if (instance === null) return true
    const isNew = !seen.has(instance)
    seen.add(instance)
    return isNew
  })
}

/** Long work, in pieces. */
export function* fleetOf(replicas: readonly Replica[]): Generator<void, Fleet> {
  const answering = replicas.filter(each => 'summary' in each)
  const configuration = commonOf(answering)
  const alike = answering.filter(each => each.summary.configuration === configuration)
  const rules = yield* fleetShares(alike.filter(each => each.rulesWhy === null))
  return {
    configuration,
    replicas: replicas.map(each => ({
      place: each.place,
      why: whyOdd(each, configuration, alike.length),
      summary: 'summary' in each ? each.summary : null,
      rulesWhy: 'summary' in each ? each.rulesWhy : null,
    })),
    rules,
    rulesTotal: Math.max(0, ...alike.map(each => each.rulesTotal)),
  }
}

/** The configuration of most; of as many, the one that was taken last. */
function commonOf(answering: readonly Answering[]): string | null {
  const groups = [...Map.groupBy(answering, each => each.summary.configuration)]
  const newest = (group: readonly Answering[]): string =>
    group
      .map(each => each.summary.lastReload.at)
      .toSorted()
      .at(-1) ?? ''
  const [first] = groups.toSorted(
    ([, left], [, right]) => right.length - left.length || (newest(right) > newest(left) ? 1 : -1),
  )
  return first?.[0] ?? null
}

/** In words. */
export const missingText = (rulesWhy: string): string => `its rules are not counted: ${rulesWhy}`

function whyOdd(replica: Replica, common: string | null, alike: number): string | null {
  if ('error' in replica) return replica.error
  const { summary, rulesWhy } = replica
  const texts = summary.ready ? [] : [stateText(summary)]
  if (summary.configuration !== common)
    texts.push(
      `configuration ${summary.configuration}, where ${alike} ${alike === 1 ? 'has' : 'have'} ${common}`,
    )
  if (rulesWhy !== null) texts.push(missingText(rulesWhy))
  return texts.length === 0 ? null : texts.join('; ')
}
