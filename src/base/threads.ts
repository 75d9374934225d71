/**
 * Threads that run tasks: a Piscina pool that reports when it cannot run them.
 *
 * If a thread fails to load its module, Piscina starts no other, and a waiting task hangs without
 * an error. Here such a task fails with the error of the thread.
 *
 * Starting a thread and loading its code costs more than most tasks. So threads can be lent: a
 * process that runs several gateways keeps them, and `close` does not end them.
 */

import { type MessagePort, SHARE_ENV, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'

export type ThreadsOptions = {
  /** The module whose default export runs a task. */
  readonly module: string
  /** Threads started before there is a task; each loads the module at once. */
  readonly least: number
  readonly most: number
  /** How long an idle thread above `least` is kept; default: for ever. */
  readonly idleMs?: number
  /** The heap of each, in MB; default: Node's limit. */
  readonly heapMb?: number | undefined
  /** The young generation of each, in MB; default: Node's, 48, which V8 fills in time. */
  readonly youngMb?: number | undefined
  /** The module's `workerData` while it is loaded. */
  readonly data?: unknown
  readonly lent?: boolean
}

type RunOptions = {
  /** Ports and buffers to transfer with the task. */
  readonly transfer?: readonly (MessagePort | ArrayBuffer)[]
  /** Aborting it ends the thread that runs the task. */
  readonly signal?: AbortSignal
}

/** A thread ended, and its task never began. */
const WITHOUT_THREAD = new Error('its thread ended before it began')

export class Threads<Task, Answer> {
  readonly isLent: boolean
  readonly #pool: Piscina<Task, Answer>
  readonly #most: number
  /** Unsettled tasks, in order. */
  readonly #runs = new Set<AbortController>()
  readonly #byId = new Map<number, Worker>()
  #died: Error | null = null

  constructor({ module, least, most, idleMs, heapMb, youngMb, data, lent = false }: ThreadsOptions) {
    this.isLent = lent
    this.#most = most
    this.#pool = new Piscina({
      filename: module,
      minThreads: least,
      maxThreads: most,
      concurrentTasksPerWorker: 1,
      idleTimeout: idleMs ?? Number.POSITIVE_INFINITY,
      recordTiming: false,
      env: SHARE_ENV,
      execArgv: ['--disable-warning=ExperimentalWarning'], // node:ffi's
      workerData: data,
      resourceLimits: {
        ...(heapMb && { maxOldGenerationSizeMb: heapMb }),
        ...(youngMb && { maxYoungGenerationSizeMb: youngMb }),
      },
    })
    this.#pool.on('error', (error: Error) => {
      this.#died = error
    })
    this.#pool.on('workerDestroy', () => setImmediate(this.#failStranded))
  }

  /** Runs a task in an idle thread, or in one started for it. */
  async run(task: Task, options: RunOptions = {}): Promise<Answer> {
    try {
      return await this.#attempt(task, options)
    } catch (error) {
      if (error !== WITHOUT_THREAD) throw error
      return await this.#attempt(task, options) // which starts another
    }
  }

  /** Ends a thread, if it has not ended yet, and waits until it is gone. */
  async end(thread: number): Promise<void> {
    await this.#byId.get(thread)?.terminate()
  }

  /** Ends all threads, except for shared ones. */
  async close(): Promise<void> {
    if (!this.isLent) await this.#pool.destroy()
  }

  async #attempt(task: Task, { transfer = [], signal }: RunOptions): Promise<Answer> {
    const stranded = new AbortController()
    this.#runs.add(stranded)
    try {
      const run = this.#pool.run(task, {
        signal: signal ? AbortSignal.any([signal, stranded.signal]) : stranded.signal,
        // Piscina takes the list's type from an overload that newer Node types no longer list last.
        transferList: [...transfer] as never,
      })
      for (const thread of this.#pool.threads) this.#note(thread)
      return await run
    } catch (error) {
      throw stranded.signal.aborted ? stranded.signal.reason : error
    } finally {
      this.#runs.delete(stranded)
    }
  }

  /** Tasks begin in the order in which they came: those without a thread are the last. */
  readonly #failStranded = (): void => {
    const died = this.#died ?? WITHOUT_THREAD
    this.#died = null
    const { length } = this.#pool.threads
    if (length < this.#most) for (const run of [...this.#runs].slice(length)) run.abort(died)
  }

  #note(thread: Worker): void {
    const id = thread.threadId
    if (this.#byId.has(id)) return
    this.#byId.set(id, thread)
    thread.once('exit', () => this.#byId.delete(id))
  }
}
