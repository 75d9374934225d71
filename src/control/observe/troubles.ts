/**
 * Logs, now and then, which connections were not served and why.
 *
 * One line per connection would flood the log just when something is wrong. So weir compares the
 * counts (stats/) with those of the last check. Ordinary reasons are not reported.
 */

import { ORDINARY, REASON_NAMES } from '../../stats/reasons.ts'
import { closedAt, type Stats, sumCounter } from '../../stats/stats.ts'
import type { Logger } from './log.ts'

const LOOK_MS = 10_000

export class Troubles {
  readonly #stats: Stats
  readonly #log: Logger
  readonly #timer: NodeJS.Timeout
  #told: number[]

  constructor(stats: Stats, log: Logger) {
    this.#stats = stats
    this.#log = log
    this.#told = this.#counts()
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref()
  }

  /** Logs the changes since the last check. */
  look(): void {
    const counts = this.#counts()
    const fresh = REASON_NAMES.map((name, reason) => [name, counts[reason] - this.#told[reason]] as const)
    const troubles = fresh.filter(([name, count]) => count > 0 && !ORDINARY.has(name))
    this.#told = counts
    if (troubles.length === 0) return
    const text = troubles.map(([name, count]) => `${name} ${count}`).join(', ')
    this.#log.warn({ notServed: Object.fromEntries(troubles) }, `connections not served: ${text}`)
  }

  /** A last check; none after it. */
  close(): void {
    clearInterval(this.#timer)
    this.look()
  }

  #counts(): number[] {
    return REASON_NAMES.map((_, reason) => sumCounter(this.#stats, closedAt(reason)))
  }
}
