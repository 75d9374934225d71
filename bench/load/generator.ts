/**
 * The load generator for the benches: a server, and loads against whatever is in front of it.
 *
 * Each is a thread with its own ring (a Piscina pool), so neither waits for the thread that reads
 * the figures. Each load reports its own CPU: a generator that is always busy measures itself.
 */

import { once } from 'node:events'
import { MessageChannel, SHARE_ENV } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { probe } from '../../src/kernel/uring/probe.ts'
import { closeWake, wake } from '../../src/kernel/wake.ts'
import type { LoadJob } from './job.ts'
import type { Serving } from './server.ts'
import type { Measured } from './worker.ts'

export class Generator {
  /** Where the server listens, on 127.0.0.1. */
  readonly port: number
  readonly #stopFd: number
  readonly #served: Promise<unknown>
  readonly #pool: Piscina

  private constructor(pool: Piscina, serving: Serving, served: Promise<unknown>) {
    this.#pool = pool
    this.#served = served
    this.port = serving.tcpPort
    this.#stopFd = serving.stopFd
  }

  /** Why no load can be made here; '' if it can. */
  static missing(): string {
    const { ok, reason } = probe()
    return ok ? '' : `the load generator needs io_uring: ${reason}`
  }

  /** Starts the server; needs io_uring. `loads` is how many may run at the same time. */
  static async start({ loads = 1 } = {}): Promise<Generator> {
    const why = Generator.missing()
    if (why !== '') throw new Error(why)
    const pool = new Piscina({
      filename: new URL('worker.ts', import.meta.url).href,
      minThreads: 1 + loads,
      maxThreads: 1 + loads,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      env: SHARE_ENV,
      execArgv: ['--disable-warning=ExperimentalWarning'], // node:ffi's
    })
    const { port1, port2 } = new MessageChannel()
    const served = pool.run({ port: port2 }, { transferList: [port2] as never })
    const started = once(port1, 'message') as Promise<[Serving]>
    const ended = served.then(() => Promise.reject(new Error('no server')))
    try {
      const [serving] = await Promise.race([started, ended])
      ended.catch(() => {}) // who stops it hears of it
      return new Generator(pool, serving, served)
    } catch (error) {
      await pool.destroy()
      throw error
    } finally {
      port1.close()
    }
  }

  /** One load, bounded in time; every reply is checked. */
  load(job: LoadJob): Promise<Measured> {
    return this.#pool.run(job) as Promise<Measured>
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async stop(): Promise<void> {
    wake(this.#stopFd)
    try {
      await this.#served
      closeWake(this.#stopFd)
    } finally {
      await this.#pool.destroy()
    }
  }
}
