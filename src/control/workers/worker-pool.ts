/**
 * The threads that workers run in: a Piscina pool, and which thread is which. A task that failed
 * says nothing of its thread, which may be on its way out, or live on with all that it has open:
 * here its end can be waited for.
 */

import { SHARE_ENV, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { transferring } from '../../base/transferring.ts'
import type { WorkerTask } from '../../engine/worker/protocol.ts'

type WorkerPoolOptions = {
  readonly workers: number
  readonly filename: string
  /** Of each thread; Node's own limit where nothing is said. */
  readonly heapMb?: number | undefined
}

export class WorkerPool {
  readonly #pool: Piscina<WorkerTask, void>
  readonly #byId = new Map<number, Worker>()

  constructor({ workers, filename, heapMb }: WorkerPoolOptions) {
    this.#pool = new Piscina({
      filename,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      recordTiming: false,
      env: SHARE_ENV,
      execArgv: ['--disable-warning=ExperimentalWarning'], // node:ffi's
      ...(heapMb ? { resourceLimits: { maxOldGenerationSizeMb: heapMb } } : {}),
    })
    // A thread that dies between two tasks is replaced by the pool itself; the task that follows
    // tells.
    this.#pool.on('error', () => {})
  }

  /** Runs a worker; its port is handed over. */
  run(task: WorkerTask): Promise<void> {
    const run = this.#pool.run(task, { transferList: transferring(task.port) })
    for (const thread of this.#pool.threads) this.#note(thread)
    return run
  }

  /** Ends a thread, if it has not ended yet, and waits until it is gone. */
  async end(thread: number): Promise<void> {
    await this.#byId.get(thread)?.terminate()
  }

  /** Ends all threads. */
  destroy(): Promise<void> {
    return this.#pool.destroy()
  }

  #note(thread: Worker): void {
    const id = thread.threadId
    if (this.#byId.has(id)) return
    this.#byId.set(id, thread)
    thread.once('exit', () => this.#byId.delete(id))
  }
}
