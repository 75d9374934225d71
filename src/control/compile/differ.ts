/**
 * Comparing, from the main thread's side: it has its own thread beside the compiling one, so a
 * comparison never delays a reload.
 *
 * A comparison ends with its thread when its time is up or the caller has left: there is no other
 * way to stop a parser. The thread starts on demand and ends when idle.
 */

import { threadModule } from '../../base/own-files.ts'
import { Threads } from '../../base/threads.ts'
import type { Diff, DiffTask } from './diff-task.ts'

/** A configuration of 100 000 rules takes some ten seconds (docs/benchmarks.md). */
const COMPARE_MS_MAX = 30_000
const IDLE_MS = 30_000

/** A comparison that was ended, with the reason in words. */
export type Undone = { readonly undone: string }

export type DifferOptions = {
  readonly limitMs?: number
  /** The thread's module. */
  readonly filename?: URL
}

const TASK = threadModule('control/compile/diff-task')

type Compared = Diff | { readonly wrong: string }

export type ComparingThread = Threads<DiffTask, Compared>

export const comparingThread = (lent = false, module = TASK): ComparingThread =>
  new Threads({ module: module.href, least: 0, most: 1, idleMs: IDLE_MS, lent })

export class Differ {
  readonly #thread: ComparingThread
  readonly #limitMs: number

  constructor({ limitMs = COMPARE_MS_MAX, filename }: DifferOptions = {}, lent?: ComparingThread) {
    this.#limitMs = limitMs
    this.#thread = filename || !lent ? comparingThread(false, filename) : lent
  }

  /**
   * What would change if the files in `body` were served; `body` is transferred.
   *
   * @param signal  Aborted when the caller has gone: then it rejects.
   */
  async compare(task: DiffTask, signal: AbortSignal): Promise<Compared | Undone> {
    const limit = AbortSignal.timeout(this.#limitMs)
    try {
      return await this.#thread.run(task, {
        signal: AbortSignal.any([signal, limit]),
        transfer: [task.body.buffer],
      })
    } catch (error) {
      if (signal.aborted) throw error
      if (limit.aborted) return { undone: `comparing took longer than ${this.#limitMs / 1000} s` }
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY')
        return { undone: 'the comparison ran out of memory' }
      throw error
    }
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
