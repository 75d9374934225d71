/**
 * Compiling, as the primary thread sees it: one thread of a Piscina pool, one compilation at a
 * time.
 *
 * It remembers what identifies the last answer, so that a touched file without a change costs a
 * read. Whether a configuration is taken is for the gateway to decide; the memory goes on in either
 * case.
 */

import { extname } from 'node:path'
import { Piscina } from 'piscina'
import type { ResolvedNames } from '../../config/load.ts'
import type { Sources } from '../../source/files/files.ts'
import { createSlots } from '../../stats/counter-slots.ts'
import type { Compiled, CompileTask, Served } from './compile-task.ts'

export class Compiler {
  readonly #sources: Sources
  readonly #slots = createSlots()
  readonly #pool = new Piscina({
    filename: new URL(`compile-task${extname(import.meta.url)}`, import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    recordTiming: false,
  })
  #previous = ''

  constructor(sources: Sources) {
    this.#sources = sources
  }

  /** What the files say now, or null where that is what they said last time. */
  async compile(
    generation: number,
    names: ResolvedNames,
    stats: SharedArrayBuffer | null,
    served: Served | null = null,
  ): Promise<Compiled | null> {
    const task: CompileTask = {
      sources: this.#sources,
      names,
      generation,
      previous: this.#previous,
      slots: this.#slots,
      stats,
      served,
    }
    const compiled: Compiled | null = await this.#pool.run(task)
    if (compiled) this.#previous = compiled.fingerprint
    return compiled
  }

  /** Makes the next compilation answer in any case. */
  forget(): void {
    this.#previous = ''
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }
}
