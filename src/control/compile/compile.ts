/**
 * Compiling, as the main thread sees it: one thread, one compilation at a time.
 *
 * It remembers the checksum of the last answer, so a touched but unchanged file costs one read. The
 * gateway decides whether to accept a configuration; the checksum advances in either case.
 */

import { threadModule } from '../../base/own-files.ts'
import { Threads } from '../../base/threads.ts'
import type { GatewayAddresses } from '../../config/gateway-api/status/addresses.ts'
import type { ResolvedNames } from '../../config/load.ts'
import type { Sources } from '../../source/files/files.ts'
import type { ObjectUpdate } from '../../source/kubernetes/store.ts'
import type { Source } from '../../source/source.ts'
import { createSlots } from '../../stats/counter-slots.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import type { CompareTask, PublishedChanges } from './compare-task.ts'
import type { Behind, Compiled, CompileTask, Rotated, Served } from './compiled.ts'

type Answer = Compiled | Rotated | Behind | PublishedChanges | null

export type CompilingThread = Threads<CompileTask | CompareTask | 'collect', Answer>

/** What a Kubernetes API has. */
type Objects = Pick<Source<ObjectUpdate>, 'current'> & {
  readonly addresses?: GatewayAddresses | undefined
  /** Makes the next update a whole one. */
  forget(): void
  /** The compilation of what was handed over last is over. */
  compiled(): void
}

/**
 * With 6 to 48 MB a reload costs the same CPU, as most of what it makes lives until its end.
 * Threads that parse (prepare-documents.ts) take a tenth more with 12 than with 48, and end.
 */
const YOUNG_MB = 12

/**
 * A thread that compiles; it loads its code at once.
 *
 * @param least  0: starts with the first task.
 */
export const compilingThread = (lent = false, least = 1): CompilingThread =>
  new Threads({
    module: threadModule('control/compile/compile-task').href,
    least,
    most: 1,
    youngMb: YOUNG_MB,
    lent,
  })

export class Compiler {
  readonly #files: Pick<Source<Sources>, 'current'>
  /** Assigns the words of the counts: counter-slots.ts. */
  readonly slots = createSlots()
  readonly #policySlots = createSlots()
  readonly #stickySlots = createSlots()
  readonly #thread: CompilingThread
  readonly #objects: Objects | null
  readonly #cache: string | null
  #previous = ''

  constructor(
    files: Pick<Source<Sources>, 'current'>,
    thread = compilingThread(),
    objects: Objects | null = null,
    cache: string | null = null,
  ) {
    this.#files = files
    this.#objects = objects
    this.#cache = cache
    this.#thread = thread
  }

  /** The current configuration, its certificates if only those changed, or null. */
  async compile(
    generation: number,
    names: ResolvedNames,
    stats: SharedArrayBuffer | null,
    served: Served | null = null,
  ): Promise<Compiled | Rotated | null> {
    const task = (): CompileTask => ({
      cache: this.#cache,
      sources: this.#files.current(),
      objects: this.#objects?.current() ?? null,
      around: { names, gatewayAddresses: this.#objects?.addresses },
      generation,
      previous: this.#previous,
      slots: this.slots,
      policySlots: this.#policySlots,
      stickySlots: this.#stickySlots,
      stats,
      served,
    })
    try {
      let compiled = (await this.#thread.run(task())) as Compiled | Rotated | Behind | null
      if (compiled === 'behind') {
        this.#objects?.forget() // the thread has been replaced
        compiled = (await this.#thread.run(task())) as Compiled | Rotated | null
      }
      if (compiled) {
        this.#previous = compiled.checksum
        this.#collect()
      }
      return compiled
    } finally {
      this.#objects?.compiled()
    }
  }

  /** What a table changed beside the one before it, when there is time. */
  async compare(before: TableBuffers, after: TableBuffers): Promise<PublishedChanges> {
    const changes = await this.#thread.run({ before, after })
    this.#collect()
    return changes as PublishedChanges
  }

  /** Once the answer is used, the thread gives back what it took. */
  #collect(): void {
    this.#thread.run('collect').catch(() => {}) // the thread has ended, and its memory is gone
  }

  /** Makes the next compilation answer in any case. */
  forget(): void {
    this.#previous = ''
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
