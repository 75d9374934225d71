/**
 * Reloads: from "something may have changed" to a configuration that is worth looking at.
 *
 * One compilation runs at a time; whatever asks meanwhile causes one more, so nothing is missed and
 * nothing piles up. What has just been written is perhaps only half there, and half a file can be valid:
 * it is held back until everything has been left alone for a moment. A file with resources that has
 * become empty gets longer, and is refused if it stays so. The watch waits for that by itself; a change of DNS, or a folder that is
 * written to all the time, does not.
 */

import { monotonicMs } from '../base/clock.ts'
import type { Compiler } from './compile.ts'
import type { Compiled } from './compile-task.ts'
import type { Logger } from './log.ts'
import type { Names } from './names.ts'

/** Left alone for this long, a file is believed to be whole. */
const REST_MS = 50
/** The same, where a file with resources has become empty. */
const EMPTY_REST_MS = 500
/** Files that never rest are taken as they are after this time. */
const HOLD_MOST_MS = 5_000

export type ReloadsOptions = {
  readonly compiler: Pick<Compiler, 'compile' | 'forget'>
  readonly names: Pick<Names, 'known'>
  readonly log: Logger
  /** The configuration that is served, and the counts of those who serve it. */
  readonly running: () => {
    readonly compiled: Compiled
    readonly generation: number
    readonly stats: SharedArrayBuffer
  }
  /** Called with each configuration that differs from the running one. */
  readonly onCompiled: (compiled: Compiled) => void
  /** Called where a look did not come to one that could be taken, and the log has said why. */
  readonly onNothing?: (outcome: 'emptied' | 'failed', why: string) => void
}

export class Reloads {
  readonly #options: ReloadsOptions
  #compiling = false
  #again = false
  #hold: NodeJS.Timeout | undefined
  /** Since when configurations have been held back; 0 while none is. */
  #heldSinceMs = 0
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
      if (this.#closed) return
      log.error({ err: error }, 'compiling failed: the last good configuration stays')
      this.#options.onNothing?.('failed', String(error))
    }
  }

  #consider(compiled: Compiled): void {
    clearTimeout(this.#hold)
    const { compiled: served, generation } = this.#options.running()
    if (compiled.fingerprint === served.fingerprint) {
      this.#heldSinceMs = 0
      this.#options.log.info({ generation }, `the configuration is that of generation ${generation} again`)
      return
    }
    const emptied = emptiedFiles(served, compiled)
    const restMs = emptied.length > 0 ? EMPTY_REST_MS : REST_MS
    if (compiled.restedMs < restMs && this.#mayHold()) {
      this.#hold = setTimeout(this.#lookAgain, restMs - compiled.restedMs)
      return
    }
    this.#heldSinceMs = 0
    if (emptied.length === 0) this.#options.onCompiled(compiled)
    else this.#refuse(emptied, generation)
  }

  /** An empty file is rarely meant: a full disk and a failed copy look the same. */
  #refuse(files: readonly string[], generation: number): void {
    const text = `${files.join(', ')}: empty now; generation ${generation} stays. Delete a file to remove what was in it`
    this.#options.log.error({ files, generation }, text)
    this.#options.onNothing?.('emptied', text)
  }

  #mayHold(): boolean {
    const nowMs = monotonicMs()
    this.#heldSinceMs ||= nowMs
    return nowMs - this.#heldSinceMs < HOLD_MOST_MS
  }

  readonly #lookAgain = (): void => {
    this.#options.compiler.forget()
    this.ask()
  }
}

const emptiedFiles = (before: Compiled, after: Compiled): string[] =>
  after.emptyFiles.filter(file => before.resources.some(resource => resource.file === file))
