/**
 * Whether a split delivers what is configured, from counts that people look at again and again.
 *
 *   too-few    as asked so far, but a split that is clearly wrong could look the same
 *   as-asked   the configured share lies within the bounds, and these are narrow enough to say so
 *   off        it lies outside: by chance, one page in twenty ever shows this, however long and often
 *              somebody looks, and however many rules it has
 *
 * An exact split leaves nothing to chance, so its counts must be right to within what may be under
 * way (`Looks.underWay`). A sticky one draws a destination for each bucket of clients, so it is
 * judged by the buckets that have come (stats/split-clients.ts); its connections say nothing.
 */

import { type Bounds, boundsOf } from '../../base/share-bounds.ts'
import type { Split } from '../../table/plan/plan.ts'

type Verdict = 'too-few' | 'as-asked' | 'off'

/** A delivered share; no verdict for a destination that is no longer one of its rule. */
export type DeliveredShare = Bounds & { readonly verdict: Verdict | null }

/** The probability that a page of right splits ever shows one as off. */
const RISK = 0.05

/** What one split is judged by. */
type Looks = {
  /** The shares that may each be found off by chance, over all rules (`chances`). */
  readonly chances: number
  /**
   * Connections that may be counted at one destination and not yet at another, or were decided by
   * the weights before.
   */
  readonly underWay: number
}

/** Shares of a split that chance may show as off: of two, one is the rest of the other. */
export const chances = (split: Split | null, destinations: number): number =>
  split === null || split === 'exact' || destinations < 2 ? 0 : destinations === 2 ? 1 : destinations

/**
 * @param configured  0 to 1; null: no longer a destination.
 * @returns null: no connection yet.
 */
export function deliveredShare(
  count: number,
  all: number,
  configured: number | null,
  split: Split | null,
  looks: Looks,
): DeliveredShare | null {
  if (all <= 0) return null
  const { underWay } = looks
  const bounds = BOUNDS[configured === 1 ? 'only' : (split ?? 'random')](count, all, looks)
  return { ...bounds, verdict: configured === null ? null : judge(bounds, all, configured, underWay) }
}

function judge({ share, low, high }: Bounds, all: number, configured: number, underWay: number): Verdict {
  const isOut = configured < low || configured > high
  if (isOut && Math.abs(share - configured) * all > underWay) return 'off'
  return configured < 1 && (high - low) / 2 > resolution(configured) ? 'too-few' : 'as-asked'
}

/** That of a sticky split, by clients: how many of all were drawn for the destination. */
export const shareOfClients = (
  count: number,
  all: number,
  configured: number,
  chances: number,
): DeliveredShare | null => deliveredShare(count, all, configured, 'random', { chances, underWay: 0 })

/**
 * How near the bounds must be to say that a share is as asked: five points, or half of what the
 * smaller side of the split gets.
 */
const resolution = (configured: number): number => Math.min(0.05, configured / 2, (1 - configured) / 2)

const BOUNDS = {
  random: (count, all, { chances }) => boundsOf(count, all, RISK / Math.max(1, chances)),
  exact: (count, all, { underWay }) => ({
    share: count / all,
    low: Math.max(0, count - underWay) / all,
    high: Math.min(all, count + underWay) / all,
  }),
  /** By connections: it splits clients, with any number of them each. */
  sticky: (count, all) => ({ share: count / all, low: 0, high: 1 }),
  /** It gets all. */
  only: (count, all) => ({ share: count / all, low: count / all, high: count / all }),
} satisfies Record<Split | 'only', (count: number, all: number, looks: Looks) => Bounds>
