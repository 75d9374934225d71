/**
 * A file that keeps changing during other work, and how many of the changes came into force: weir
 * waits until a file is quiet, so of changes in quick succession it takes the last.
 */

import { get } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../../src/base/clock.ts'
import { prepareChange } from '../config/replace.ts'

/** Longer than weir waits for quiet, so that the next measurement runs without a reload. */
const SETTLE_MS = 500
const IN_FORCE_MS_MAX = 30_000
const LOOK_EVERY_MS = 20

export type During<T> = { readonly result: T; readonly made: number; readonly inForce: number }

export class Changes {
  readonly #file: string
  readonly #adminPort: number
  readonly #texts: readonly string[]
  #count = 0

  /** @param texts  Taken in turn; each gets a comment, so that no change is one back. */
  constructor(file: string, adminPort: number, texts: readonly string[]) {
    this.#file = file
    this.#adminPort = adminPort
    this.#texts = texts
  }

  /**
   * Changes the file every so many milliseconds (0: never) while `work` runs, and waits until the
   * last one is in force.
   */
  async during<T>(everyMs: number, work: () => Promise<T>): Promise<During<T>> {
    const before = await this.#generation()
    const first = this.#count
    const timer = everyMs > 0 ? setInterval(() => this.#change(), everyMs) : undefined
    let result: T
    try {
      result = await work()
    } finally {
      clearInterval(timer)
    }
    const made = this.#count - first
    if (made > 0) await this.#settle(before)
    return { result, made, inForce: (await this.#generation()) - before }
  }

  #change(): void {
    const text = this.#texts[++this.#count % this.#texts.length]
    prepareChange(this.#file, `${text}# change ${this.#count}\n`)()
  }

  async #settle(before: number): Promise<void> {
    const endMs = monotonicMs() + IN_FORCE_MS_MAX
    while ((await this.#generation()) === before) {
      if (monotonicMs() > endMs) throw new Error('no change has come into force')
      await pause(LOOK_EVERY_MS)
    }
    await pause(SETTLE_MS)
  }

  /** From the admin listener. */
  #generation(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    get({ host: '127.0.0.1', port: this.#adminPort, path: '/ready' }, response => {
      let body = ''
      response.on('data', chunk => {
        body += chunk
      })
      response.on('end', () => resolve((JSON.parse(body) as { generation: number }).generation))
    }).on('error', reject)
    return promise
  }
}
