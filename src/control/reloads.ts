/**
 * Reloads: from "something may have changed" to a compiled configuration.
 *
 * One compilation runs at a time. Requests meanwhile cause one more, so none is missed and none
 * piles up. A file that was just written may be incomplete, and half a file can be valid. So a
 * change waits until all files have rested for a moment, or longer if it looks unfinished
 * (guard/doubts.ts). A file that had resources and stays empty is refused. The watch waits by
 * itself; an order, or a folder that is written all the time, does not.
 */

import { monotonicMs } from '../base/clock.ts'
import { settlesWithin } from '../base/settles-within.ts'
import type { ReadCredential } from '../source/credentials/credentials.ts'
import type { Names } from '../source/names/names.ts'
import type { TableBuffers } from '../table/format/table.ts'
import type { Compiler } from './compile/compile.ts'
import type { Compiled, Rotated } from './compile/compiled.ts'
import { tellLong } from './compile/tell-long.ts'
import type { Logger } from './observe/log.ts'

/**
 * How long files must be unchanged before they count as complete, and the time after which they are
 * read anyway.
 */
const ORDINARY = { restMs: 50, mostMs: 5_000 }
/** The same for text that looks unfinished, and for a file with resources that has become empty. */
const DOUBTFUL = { restMs: 1_000, mostMs: 30_000 }

/**
 * A new configuration waits this long for names that no earlier one has, so that its connections
 * find their endpoints; later answers become changes of endpoints.
 */
export const NAMES_WAIT_MS = 1_000

/** The outcome of a reading. `unchanged`: the files already equal what is served. */
type LookOutcome = 'taken' | 'unchanged' | 'refused' | 'guarded' | 'emptied' | 'failed'
export type Look = {
  readonly outcome: LookOutcome
  /** The checksum of the files; null if reading failed. */
  readonly checksum: string | null
}

type ReloadsOptions = {
  readonly compiler: Pick<Compiler, 'compile' | 'forget'>
  readonly names: Pick<Names, 'known' | 'follow'>
  readonly log: Logger
  /** The served configuration, and the counts of its workers. */
  readonly running: () => {
    readonly compiled: Compiled
    readonly generation: number
    /** With its current endpoints. */
    readonly table: TableBuffers
    readonly stats: SharedArrayBuffer
    /** Destinations whose connections end with their endpoint, as "host:port". */
    readonly closing: readonly string[]
  }
  /**
   * Called with each configuration that differs from the running one; returns the outcome.
   *
   * @param accepted  The operator has accepted its losses.
   */
  readonly onCompiled: (compiled: Compiled, accepted: boolean) => 'taken' | 'refused' | 'guarded'
  /** Called with the certificates of the served configuration, once they may have changed. */
  readonly onRotated?: (credentials: readonly ReadCredential[]) => void
  /** Called if the files equal the served configuration again. */
  readonly onUnchanged?: () => void
  /** Called if no configuration came of a reading, and the log has the reason. */
  readonly onNothing?: (outcome: 'emptied' | 'failed', why: string) => void
  /** Called before files are read, and once nothing is left to read. */
  readonly onPhase?: (phase: 'reloading' | 'reloaded') => void
}

/** A caller that waits for a reading that begins after its request. */
type Waiting = { readonly accept: string | null; readonly done: (look: Look) => void }

export class Reloads {
  readonly #options: ReloadsOptions
  #compiling = false
  #again = false
  #hold: NodeJS.Timeout | undefined
  /** Since when configurations have been held back; 0: none is. */
  #heldSinceMs = 0
  #closed = false
  #waiting: readonly Waiting[] = []
  /** The callers for whom the current reading was begun. */
  #served: readonly Waiting[] = []

  constructor(options: ReloadsOptions) {
    this.#options = options
  }

  /** Reads the files, now or after the current reading. */
  ask(): void {
    this.#again = true
    if (!this.#compiling) void this.#compileWhileAsked()
  }

  /**
   * Reads the files in any case, and returns the outcome.
   *
   * @param accept  Checksum of a change to accept in spite of its losses; null: none.
   */
  look(accept: string | null): Promise<Look> {
    const { promise, resolve } = Promise.withResolvers<Look>()
    this.#waiting = [...this.#waiting, { accept, done: resolve }]
    if (this.#closed) this.#tell({ outcome: 'failed', checksum: null })
    else this.ask()
    return promise
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#hold)
    this.#tell({ outcome: 'failed', checksum: null })
  }

  async #compileWhileAsked(): Promise<void> {
    this.#compiling = true
    this.#options.onPhase?.('reloading')
    while (this.#again && !this.#closed) {
      this.#again = false
      await this.#compile()
    }
    this.#compiling = false
    this.#options.onPhase?.('reloaded')
  }

  async #compile(): Promise<void> {
    const { compiler, names, log, running } = this.#options
    const { compiled: served, generation, stats, table, closing } = running()
    const { checksum } = served
    this.#served = this.#waiting
    if (this.#served.length > 0) compiler.forget() // every caller gets an answer
    try {
      const before = { checksum, table, closing }
      const compiled = await tellLong(compiler.compile(generation + 1, names.known, stats, before), () =>
        log.info(
          { generation },
          `the change takes longer than a second to read: generation ${generation} is served meanwhile`,
        ),
      )
      if (compiled && 'rotated' in compiled) this.#rotate(compiled, checksum)
      else {
        if (compiled?.table) await this.#resolveNew(served, compiled)
        if (compiled && !this.#closed) this.#consider(compiled)
      }
      this.#followServed()
    } catch (error) {
      if (this.#closed) return
      log.error({ err: error }, 'compiling failed: the last good configuration stays')
      this.#options.onNothing?.('failed', String(error))
      this.#answer({ outcome: 'failed', checksum: null })
    }
  }

  /** Certificates of what is served are taken; those of what was refused may make it acceptable. */
  #rotate({ checksum, rotated }: Rotated, served: string): void {
    if (this.#closed) return
    if (checksum === served) this.#options.onRotated?.(rotated)
    else this.#lookAgain()
  }

  /** Looks up the names that are new in a change, before it takes connections. */
  async #resolveNew(served: Compiled, next: Compiled): Promise<void> {
    const known = new Set(served.names)
    if (next.names.every(name => known.has(name))) return
    const both = this.#options.names.follow(
      [...served.names, ...next.names],
      [...served.namesInOrder, ...next.namesInOrder],
    )
    await settlesWithin(both, NAMES_WAIT_MS)
  }

  #followServed(): void {
    if (this.#closed) return
    const { names, namesInOrder } = this.#options.running().compiled
    void this.#options.names.follow(names, namesInOrder)
  }

  #consider(compiled: Compiled): void {
    clearTimeout(this.#hold)
    const { compiled: served, generation } = this.#options.running()
    const { checksum } = compiled
    if (compiled.checksum === served.checksum) {
      this.#heldSinceMs = 0
      this.#options.log.info({ generation }, `the configuration is that of generation ${generation} again`)
      this.#options.onRotated?.(compiled.credentials)
      this.#options.onUnchanged?.()
      this.#answer({ outcome: 'unchanged', checksum })
      return
    }
    const emptied = emptiedFiles(served, compiled)
    if (this.#holds(compiled, emptied)) return
    this.#heldSinceMs = 0
    const accepted = this.#served.some(({ accept }) => accept === checksum)
    const outcome =
      emptied.length > 0 ? this.#refuse(emptied, generation) : this.#options.onCompiled(compiled, accepted)
    this.#answer({ outcome, checksum })
  }

  /** Whether to read it again later, since it may be incomplete. */
  #holds({ restedMs, doubts }: Compiled, emptied: readonly string[]): boolean {
    const doubtful = doubts.length > 0 || emptied.length > 0
    const { restMs, mostMs } = doubtful ? DOUBTFUL : ORDINARY
    const nowMs = monotonicMs()
    if (restedMs >= restMs || (this.#heldSinceMs > 0 && nowMs - this.#heldSinceMs >= mostMs)) return false
    if (this.#heldSinceMs === 0 && doubts.length > 0)
      this.#options.log.info(
        { doubts },
        `perhaps still being written, so weir looks again: ${doubts.join('; ')}`,
      )
    this.#heldSinceMs ||= nowMs
    this.#hold = setTimeout(this.#lookAgain, restMs - restedMs)
    return true
  }

  /** An empty file is rarely intended: a full disk and a failed copy look the same. */
  #refuse(files: readonly string[], generation: number): 'emptied' {
    const text = `${files.join(', ')}: empty now; generation ${generation} stays. Delete a file to remove what was in it`
    this.#options.log.error({ files, generation }, text)
    this.#options.onNothing?.('emptied', text)
    return 'emptied'
  }

  /** Answers the callers for whom the reading was begun. */
  #answer(look: Look): void {
    const served = this.#served
    this.#waiting = this.#waiting.filter(each => !served.includes(each))
    this.#served = []
    for (const { done } of served) done(look)
  }

  /** Answers all callers: there will be no further reload. */
  #tell(look: Look): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { done } of waiting) done(look)
  }

  readonly #lookAgain = (): void => {
    this.#options.compiler.forget()
    this.ask()
  }
}

const emptiedFiles = (before: Compiled, after: Compiled): string[] =>
  after.emptyFiles.filter(file => before.resources.some(resource => resource.file === file))
