/** What a loop (reflector.ts) is doing, for the log, metrics and whoever waits for it. */

import { monotonicMs } from '../../base/clock.ts'
import type { Concern, Failure } from './failures.ts'

export type ReflectorState = {
  readonly title: string
  readonly kind: string
  /** `absent`: the server has no such kind; it counts as synced, and is asked for again. */
  readonly phase: 'listing' | 'watching' | 'waiting' | 'absent'
  readonly isSynced: boolean
  /** Of the last failure; '' once it is over. */
  readonly trouble: string
  readonly objects: number
  readonly lists: number
  readonly watches: number
  /** What the trouble is about. */
  readonly concerns: Concern
  readonly failures: number
  /** On this process' monotonic clock: when the server last said something. */
  readonly heardMs: number
  readonly version: string
  /** Of a loop of many objects: what fails for each (poller.ts). */
  readonly failing?: readonly Failing[]
}

/** What fails: a kind, or one object of it. */
export type Failing = Pick<ReflectorState, 'title' | 'isSynced' | 'trouble' | 'concerns'>

/** The part of it that the loop itself writes. */
type Phase = Omit<ReflectorState, 'objects' | 'title' | 'kind' | 'version' | 'heardMs' | 'failing'>

export class PhaseKeeper {
  readonly #onChange: () => void
  #now: Phase = {
    phase: 'listing',
    isSynced: false,
    trouble: '',
    concerns: 'kind',
    lists: 0,
    watches: 0,
    failures: 0,
  }
  #heardMs = monotonicMs()

  /** @param onChange  Called when it is first synced, and when phase or trouble change. */
  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get now(): Phase & Pick<ReflectorState, 'heardMs'> {
    return { ...this.#now, heardMs: this.#heardMs }
  }

  heard(): void {
    this.#heardMs = monotonicMs()
  }

  synced(): void {
    this.update({ phase: 'watching', isSynced: true, trouble: '' })
  }

  failed({ message, concerns }: Failure): void {
    this.count('failures')
    this.update({ phase: 'waiting', trouble: message, concerns })
  }

  update(change: Partial<Phase>): void {
    const before = this.#now
    this.#now = { ...before, ...change }
    const { phase, isSynced, trouble } = this.#now
    if (phase !== before.phase || isSynced !== before.isSynced || trouble !== before.trouble) this.#onChange()
  }

  /** Raises a count. */
  count(field: 'lists' | 'watches' | 'failures'): void {
    this.#now = { ...this.#now, [field]: this.#now[field] + 1 }
  }
}
