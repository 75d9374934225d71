/**
 * The end of a gateway, in words and times:
 *
 *   serving ─▶ lame duck: not ready, but serving ─▶ draining: connections end ─▶ ended
 */

import { settlesWithin } from '../base/settles-within.ts'
import type { Logger } from './observe/log.ts'
import type { Drained } from './workers/worker-record.ts'

/** How often a drain says how many connections are left. */
const TELL_MS = 5_000

const connections = (count: number): string => `${count} connection${count === 1 ? '' : 's'}`

export class Leaving {
  /** It may still serve, but is not ready any more. */
  isLeaving = false
  /** It takes no more changes. */
  isDraining = false
  readonly #log: Logger
  /** Open connections. */
  readonly #open: () => number
  readonly #stopped = Promise.withResolvers<void>()

  constructor(log: Logger, open: () => number) {
    this.#log = log
    this.#open = open
  }

  /** From now on everything ends at once. */
  stop(): void {
    this.isLeaving = this.isDraining = true
    this.#stopped.resolve()
  }

  /** Not ready from now on, serving for `servedMs`. @returns Whether nobody has stopped it. */
  async serveOn(servedMs: number): Promise<boolean> {
    this.isLeaving = true
    if (servedMs === 0) return true
    const text = `not ready from now on: new connections are served for another ${servedMs / 1000} s`
    this.#log.info({ lameDuckMs: servedMs }, text)
    return !(await settlesWithin(this.#stopped.promise, servedMs))
  }

  /** Says what a drain does, from its begin to its end. */
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
