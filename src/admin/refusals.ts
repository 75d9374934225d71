/**
 * Requests that the admin listener refuses: counted by reason for /metrics and logged, with at most
 * one line in ten seconds, since a refused caller may retry a thousand times a second.
 */

import type { Logger } from '../control/observe/log.ts'

const REFUSALS = [
  'gave-way',
  'too-slow',
  'unread',
  'busy',
  'header-too-large',
  'not-http',
  'unknown-host',
  'foreign-origin',
  'local-only',
  'no-token',
  'not-allowed',
] as const
type Refusal = (typeof REFUSALS)[number]

const TELL_MS = 10_000

export const isRefusal = (code: string): code is Refusal => (REFUSALS as readonly string[]).includes(code)

export class Refusals {
  readonly counts = new Map<Refusal, number>(REFUSALS.map(reason => [reason, 0]))
  readonly #log: Pick<Logger, 'warn'> | null
  #fresh = new Map<Refusal, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(log: Pick<Logger, 'warn'> | null = null) {
    this.#log = log
  }

  count(reason: Refusal): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1)
    this.#fresh.set(reason, (this.#fresh.get(reason) ?? 0) + 1)
    if (this.#timer === undefined) this.#tell()
  }

  /** Logs refusals that are not logged yet. */
  close(): void {
    clearTimeout(this.#timer)
    if (this.#fresh.size > 0) this.#tell()
    clearTimeout(this.#timer)
  }

  /** Logs the first at once; those of the next ten seconds together, after them. */
  #tell(): void {
    this.#timer = undefined
    if (this.#fresh.size === 0) return
    const refused = Object.fromEntries(this.#fresh)
    const text = [...this.#fresh].map(([reason, count]) => `${reason} ${count}`).join(', ')
    this.#fresh = new Map()
    this.#log?.warn({ refused }, `the admin listener refused requests: ${text}`)
    this.#timer = setTimeout(() => this.#tell(), TELL_MS).unref()
  }
}
