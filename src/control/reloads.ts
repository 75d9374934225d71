/**
 * Reloads: from "something may have changed" to a configuration that is worth looking at.
 *
 * One compilation runs at a time; whatever asks meanwhile causes one more, so nothing is missed and
 * nothing piles up. A configuration in which a file with resources has become empty is perhaps being
 * written: it is held back for a moment, and only believed when it is still so then.
 */

import type { Compiler } from './compile.ts'
import type { Compiled } from './compile-task.ts'
import type { Logger } from './log.ts'
import type { Names } from './names.ts'

/** How long an emptied file is held back. */
const EMPTY_HOLD_MS = 500

export type ReloadsOptions = {
  readonly compiler: Compiler
  readonly names: Names
  readonly log: Logger
  /** The configuration that is served, and the counts of those who serve it. */
  readonly running: () => {
    readonly compiled: Compiled
    readonly generation: number
    readonly stats: SharedArrayBuffer
  }
  /** Called with each configuration that differs from the running one. */
  readonly onCompiled: (compiled: Compiled) => void
}

export class Reloads {
  readonly #options: ReloadsOptions
  #compiling = false
  #again = false
  #hold: NodeJS.Timeout | undefined
  /** Fingerprint of a configuration whose emptied file stayed empty. */
  #believed = ''
  #closed = false

  constructor(options: ReloadsOptions) {
    this.#options = options
  }

  /** Looks, now or after the look that is under way. */
  ask(): void {
    this.#again = true
    if (!this.#compiling) void this.#compileWhileAsked()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#hold)
  }

  async #compileWhileAsked(): Promise<void> {
    this.#compiling = true
    while (this.#again && !this.#closed) {
      this.#again = false
      await this.#compile()
    }
    this.#compiling = false
  }

  async #compile(): Promise<void> {
    const { compiler, names, log, running } = this.#options
    const { generation, stats } = running()
    try {
      const compiled = await compiler.compile(generation + 1, names.known, stats)
      if (compiled && !this.#closed) this.#consider(compiled)
    } catch (error) {
      if (!this.#closed) log.error({ err: error }, 'compiling failed: the last good configuration stays')
    }
  }

  #consider(compiled: Compiled): void {
    clearTimeout(this.#hold)
    const { compiled: served, generation } = this.#options.running()
    if (compiled.fingerprint === served.fingerprint) {
      this.#options.log.info({ generation }, `the configuration is that of generation ${generation} again`)
    } else if (compiled.fingerprint !== this.#believed && becameEmpty(served, compiled)) {
      this.#hold = setTimeout(() => this.#believe(compiled), EMPTY_HOLD_MS)
    } else this.#options.onCompiled(compiled)
  }

  #believe({ fingerprint }: Compiled): void {
    this.#believed = fingerprint
    this.#options.compiler.forget()
    this.ask()
  }
}

const becameEmpty = (before: Compiled, after: Compiled): boolean =>
  after.emptyFiles.some(file => before.resources.some(resource => resource.file === file))
