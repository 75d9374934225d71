/**
 * The guards of a rollout: whether the new destination surely does worse than the others.
 *
 *   dial-failures   a greater share of its dials fails than of theirs
 *   resets          of its connections a greater share is reset by the server
 *   connect-p99     its p99 is surely more than twice theirs: more than 1 % of its connects, and a
 *                   greater share than of theirs, take longer than that
 *   …=LIMIT         instead of theirs, a share or a time
 *
 * Shares are held against each other by bounds that hold at every moment at once
 * (base/share-bounds.ts), over all steps, so looking often breaks no guard by chance, but for one
 * rollout in twenty. A p99 is above a time if more than 1 % takes longer, which is a share too:
 * Howard and Ramdas, Sequential estimation of quantiles with applications to A/B testing and
 * best-arm identification, Bernoulli 28 (2022). For this the time must be fixed before what is held
 * against it is counted; twice the p99 of the others is fixed when the rollout begins.
 */

import { boundsOf } from '../../base/share-bounds.ts'
import { shareText } from '../live/format.ts'
import { type Counts, type Pair, SlowConnects, type Tally } from './tally.ts'

export const GUARDS = ['dial-failures', 'resets', 'connect-p99'] as const
type GuardName = (typeof GUARDS)[number]
export type Guard = {
  readonly name: GuardName
  /** A share, or milliseconds; null: held against the other destinations. */
  readonly limit: number | null
}

/** What a guard says; `isBroken`: surely worse. */
type Said = { readonly isBroken: boolean; readonly text: string }

/** The probability that a rollout of a right destination ever breaks a guard. */
const RISK = 0.05
/** What a p99 leaves. */
const SLOWEST = 0.01

const WHAT = {
  'dial-failures': { of: 'of its dials fail', none: 'no dial yet' },
  resets: { of: 'of its connections are reset by the server', none: 'none of its connections has ended yet' },
} as const

/** All guards of a rollout, with what they remember. */
export class Guards {
  readonly #guards: readonly Guard[]
  readonly #slow: readonly (SlowConnects | null)[]

  constructor(guards: readonly Guard[]) {
    this.#guards = guards
    this.#slow = guards.map(({ name, limit }) => (name === 'connect-p99' ? new SlowConnects(limit) : null))
  }

  /** What each says of the counts so far. */
  look(tally: Tally): Said[] {
    const risk = RISK / (2 * this.#guards.length)
    return this.#guards.map(({ name, limit }, index) => {
      const slow = this.#slow[index]
      slow?.take(tally.times)
      const { isBroken, text } =
        name === 'connect-p99' ? slowly(limit, slow, risk) : held(limit, tally.counts(name), WHAT[name], risk)
      return { isBroken, text: `${name}: ${text}` }
    })
  }
}

function held(
  limit: number | null,
  { target, others }: Pair<Counts>,
  what: { of: string; none: string },
  risk: number,
): Said {
  if (target.of === 0) return { isBroken: false, text: what.none }
  const own = bounds(target, risk)
  if (limit !== null) {
    const isBroken = own.low > limit
    return { isBroken, text: `${boundText(own, isBroken)} ${what.of}; the limit is ${shareText(limit)}` }
  }
  return beside(own, others, what.of, risk, 0)
}

function slowly(limit: number | null, slow: SlowConnects | null, risk: number): Said {
  const { overMs = null, counts } = slow ?? {}
  if (overMs === null || !counts || counts.target.of === 0)
    return { isBroken: false, text: 'too few connects to say' }
  const own = bounds(counts.target, risk)
  const what = `of its connects take longer than ${timeText(overMs)}`
  if (limit !== null) {
    const isBroken = own.low > SLOWEST
    return { isBroken, text: `${boundText(own, isBroken)} ${what}; the limit is ${shareText(SLOWEST)}` }
  }
  return beside(own, counts.others, `${what}, twice the others’ p99`, risk, SLOWEST)
}

/** Held against the other destinations, and against a share that is harmless. */
function beside(own: Bounds, others: Counts, what: string, risk: number, harmless: number): Said {
  if (others.of === 0)
    return { isBroken: false, text: `${boundText(own, false)} ${what}; the others have none` }
  const theirs = bounds(others, risk)
  const isBroken = own.low > theirs.high && own.low > harmless
  const verdict = isBroken ? ': worse, sure' : ''
  return {
    isBroken,
    text: `${boundText(own, isBroken)} ${what}; ${shareText(theirs.share)} with the others${verdict}`,
  }
}

type Bounds = ReturnType<typeof boundsOf>

const bounds = ({ count, of }: Counts, risk: number): Bounds => boundsOf(Math.min(count, of), of, risk)

/** "9.8 % (surely more than 4 %)", "0.1 % (surely less than 0.6 %)". */
const boundText = ({ share, low, high }: Bounds, isBroken: boolean): string =>
  `${shareText(share)} (surely ${isBroken ? `more than ${shareText(low)}` : `at most ${shareText(high)}`})`

const timeText = (ms: number): string =>
  ms < 100 ? `${Number(ms.toPrecision(3))} ms` : `${Math.round(ms)} ms`
