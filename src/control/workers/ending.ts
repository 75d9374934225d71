/** How the workers end: their connections may go on for a time, or everything ends at once. */

import type { Order } from '../../engine/worker/protocol.ts'
import type { RunningDrains } from './running-drains.ts'
import type { Supervisor } from './supervisor.ts'
import type { Drained } from './worker-record.ts'

const STOP: Order = { kind: 'stop' }

export class Ending {
  readonly #supervisor: Supervisor
  readonly #drains: RunningDrains
  /** Closes what reads their records, once they have ended. */
  readonly #close: () => Promise<void>
  #draining: Promise<Drained> | null = null

  constructor(supervisor: Supervisor, drains: RunningDrains, close: () => Promise<void>) {
    this.#supervisor = supervisor
    this.#drains = drains
    this.#close = close
  }

  /**
   * Lets connections end for up to `timeoutMs`, and ends. In the last quarter of that time the rest
   * is reset, one after the other, so that clients do not all come back at once.
   */
  drain(timeoutMs: number): Promise<Drained> {
    this.#draining ??= this.#drain(timeoutMs)
    return this.#draining
  }

  async #drain(timeoutMs: number): Promise<Drained> {
    const resettingMs = timeoutMs / 4
    const resetting = setTimeout(() => this.#drains.start({}, resettingMs), timeoutMs - resettingMs)
    const drained = await this.#supervisor.drain(timeoutMs)
    clearTimeout(resetting)
    await this.#close()
    return drained
  }

  /** Resets every connection and ends; also a drain that is under way. */
  async stop(): Promise<void> {
    if (this.#draining) {
      this.#supervisor.tell(new Map(this.#supervisor.status().map(({ worker }) => [worker, STOP])))
      await this.#draining
      return
    }
    await this.#supervisor.stop()
    await this.#close()
  }
}
