/**
 * What has to hold of endpoints that warm up: each gets the share that its age gives it, by Envoy's
 * formula. Told from the plan, the naive model of arrivals and what is open, without words, stamps
 * or positions.
 *
 *   chance   those that warm up have together no more and no less than chance allows
 *   turns    ROUND_ROBIN, all endpoints well: each has its shares, a few connections more or fewer
 */

import { formatEndpoint } from '../../src/address/address.ts'
import { clusterIdentity } from '../../src/table/build/endpoint-rows.ts'
import type { Cluster, Endpoint } from '../../src/table/plan/plan.ts'
import type { Arrivals } from './arrivals.ts'
import { OWN_ADDRESSES } from './plans.ts'

/** Envoy's least age. */
const AGE_LEAST_MS = 1_000
/**
 * Golden steps are never further from shares, for as many connections as a run has. Shares that
 * stay are off by less than 2; a warm-up moves them under the steps (seed 11012455: 2.67).
 */
const TURNS_OFF_MOST = 3
/** Draws so far from their chances come once in as many runs as e to this power. */
const UNLIKELY = 10

/** Of each endpoint, its weight, and the part of it that it has by now. */
type Share = { readonly text: string; readonly weight: number; readonly warmth: number }

type Turns = {
  readonly of: string
  readonly expected: Map<string, number>
  readonly got: Map<string, number>
}

export class WarmShares {
  readonly #arrivals: Arrivals
  readonly #turns = new Map<string, Turns>()
  /** Draws of endpoints that warm up, less their chances; and its variance. */
  #above = 0
  #variance = 0

  constructor(arrivals: Arrivals) {
    this.#arrivals = arrivals
  }

  /**
   * The first draw of a connection. '', or what is wrong with it.
   *
   * @param well    Endpoints of the cluster that nothing is known against.
   * @param openOf  How many connections an endpoint has, without this one.
   */
  drew(
    cluster: Cluster,
    well: readonly Endpoint[],
    drawn: string,
    nowMs: number,
    openOf: (endpoint: Endpoint) => number,
  ): string {
    const { balance, warmup } = cluster.policy
    const isWarming = warmup !== null && nowMs - this.#arrivals.lastOf(cluster) < warmup.durationMs
    const areWell = well.length === cluster.endpoints.length
    if (!isWarming || !areWell) this.#turns.delete(clusterIdentity(cluster))
    if (!isWarming || !isShown(cluster) || well.length < 2) return ''
    const shares = well.map(each => this.#shareOf(each, warmup, nowMs))
    const isTurn = balance === 'ROUND_ROBIN'
    const wrong = isTurn && areWell ? this.#tookTurn(cluster, shares, drawn) : ''
    if (wrong !== '') return wrong
    const loadOf = (each: Endpoint): number => (isTurn ? 1 : openOf(each) + 1)
    return this.#chose(
      shares.map((each, row) => ({ ...each, weight: each.weight / loadOf(well[row]) })),
      drawn,
    )
  }

  /** Of some turns nobody knows whose they were. */
  forget(): void {
    this.#turns.clear()
  }

  #shareOf(
    { address, port, weight }: Endpoint,
    { durationMs, minimumPercent, aggression }: NonNullable<Cluster['policy']['warmup']>,
    nowMs: number,
  ): Share {
    const text = formatEndpoint(address, port)
    const ageMs = Math.max(AGE_LEAST_MS, nowMs - this.#arrivals.of(text))
    const part = ageMs >= durationMs ? 1 : (ageMs / durationMs) ** (1 / aggression)
    return { text, weight, warmth: Math.max(part, minimumPercent / 100) }
  }

  #tookTurn(cluster: Cluster, shares: readonly Share[], drawn: string): string {
    const name = clusterIdentity(cluster)
    const of = shares.map(({ text, weight }) => `${text} ${weight}`).join()
    const before = this.#turns.get(name)
    const turns = before?.of === of ? before : { of, expected: new Map(), got: new Map() }
    this.#turns.set(name, turns)
    add(turns.got, drawn, 1)
    const all = sumOf(shares)
    for (const each of shares) add(turns.expected, each.text, (each.weight * each.warmth) / all)
    for (const [text, expected] of turns.expected) {
      const got = turns.got.get(text) ?? 0
      if (Math.abs(got - expected) > TURNS_OFF_MOST)
        return `${text} has ${got} turns, and its shares add up to ${expected}`
    }
    return ''
  }

  /** A martingale, bounded by Freedman (1975). */
  #chose(shares: readonly Share[], drawn: string): string {
    const warming = shares.filter(({ warmth }) => warmth < 1)
    const chance = sumOf(warming) / sumOf(shares)
    this.#above += (warming.some(({ text }) => text === drawn) ? 1 : 0) - chance
    this.#variance += chance * (1 - chance)
    const off = Math.abs(this.#above)
    return off ** 2 > 2 * UNLIKELY * (this.#variance + off / 3)
      ? `those that warm up were drawn ${this.#above} times more than chance has it`
      : ''
  }
}

/** Whether each draw shows as a connect, and its last failure counts against no endpoint. */
const isShown = ({ policy, endpoints }: Cluster): boolean =>
  policy.maxConnections === 0 &&
  !policy.remembersFailures &&
  !endpoints.some(({ address }) => OWN_ADDRESSES.includes(address))

const sumOf = (shares: readonly Share[]): number =>
  shares.reduce((sum, { weight, warmth }) => sum + weight * warmth, 0)

const add = (to: Map<string, number>, text: string, what: number): unknown =>
  to.set(text, (to.get(text) ?? 0) + what)
