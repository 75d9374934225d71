/**
 * Graceful shutdown of a gateway: its phases, their times, and what the log says of them.
 *
 *   serving ─▶ lame duck: not ready, but serving ─▶ draining: connections end ─▶ ended
 */

import { settlesWithin } from '../base/settles-within.ts'
import type { Logger } from './observe/log.ts'
import type { Drained } from './workers/worker-record.ts'

/** How often a drain says how many connections are left. */
const TELL_MS = 5_000

const connections = (count: number): string => `${count} connection${count === 1 ? '' : 's'}`

export class Shutdown {
  /** The gateway is not ready any more, though it may still serve (lame duck). */
  hasBegun = false
  /** The gateway takes no more changes. */
  isDraining = false
  readonly #log: Logger
  /** Open connections. */
  readonly #open: () => number
  readonly #stopped = Promise.withResolvers<void>()

  constructor(log: Logger, open: () => number) {
    this.#log = log
    this.#open = open
  }

  /** Ends every phase at once. */
  stop(): void {
    this.hasBegun = this.isDraining = true
    this.#stopped.resolve()
  }

  /** Serves for `servedMs` while not ready (lame duck). @returns False if `stop` cut that short. */
  async serveOn(servedMs: number): Promise<boolean> {
    this.hasBegun = true
    if (servedMs === 0) return true
    const text = `not ready from now on: new connections are served for another ${servedMs / 1000} s`
    this.#log.info({ lameDuckMs: servedMs }, text)
    return !(await settlesWithin(this.#stopped.promise, servedMs))
  }

  /** Runs `drain`, and logs its start, its progress and its result. */
  async drain(timeoutMs: number, drain: () => Promise<Drained>): Promise<void> {
    this.isDraining = true
    const open = this.#open()
    this.#log.info(
      { timeoutMs, open },
      `draining: ${connections(open)} open, with ${timeoutMs / 1000} s to end; a second signal (Ctrl-C) ends at once`,
    )
    const telling = setInterval(() => this.#tellLeft(), TELL_MS).unref()
    const { closed, reset } = await drain()
    clearInterval(telling)
    this.#log.info({ closed, reset }, `drained: connections that ended: ${closed}, that were reset: ${reset}`)
  }

  #tellLeft(): void {
    const open = this.#open()
    if (open > 0) this.#log.info({ open }, `draining: ${connections(open)} left`)
  }
}
