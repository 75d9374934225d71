/**
 * Names: the addresses of endpoints that have a name, followed while they change.
 *
 *   follow ─▶ lookup (system-lookup.ts) ─▶ state (name-state.ts) ─▶ onChange, if addresses differ
 *               ▲                            │
 *               └────── wait (when.ts) ──────┘
 *
 * Each name has its own time; a name that is not wanted any more is not asked for again. Changes
 * that come together are told together.
 */

import { monotonicMs } from '../../base/clock.ts'
import { machine } from '../../kernel/machine.ts'
import { type Answer, failureOf, isFound } from './answer.ts'
import { addressesOf, answered, type NameState, unknownName } from './name-state.ts'
import { type Lookup, SystemLookup } from './system-lookup.ts'
import { waitMs } from './when.ts'

/** Lookups at the same time; further names wait. */
const AT_ONCE = 128
/** How often the files are looked at. */
const REFRESH_MS = 2_000

type NamesOptions = {
  /** Called with the answers that changed. */
  readonly onChange: (changed: ReadonlyMap<string, readonly string[]>) => void
  /** Called when a name begins to fail, when it has lost its addresses, and when it is back. */
  readonly onState: (state: NameState, before: NameState) => void
  readonly lookup?: Lookup
  readonly nowMs?: () => number
}

type Followed = {
  readonly name: string
  state: NameState
  timer: NodeJS.Timeout | undefined
  /** A lookup waits or runs. */
  isAsked: boolean
  /** Something has changed since the lookup began. */
  again: boolean
  nextMs: number
  readonly first: PromiseWithResolvers<void>
}

export type NamedState = NameState & { readonly addresses: readonly string[]; readonly nextMs: number }

type LookupResult = 'found' | 'none' | 'failed'

export class Names {
  readonly #options: NamesOptions
  readonly #lookup: Lookup
  readonly #nowMs: () => number
  readonly #random = machine.random()
  readonly #followed = new Map<string, Followed>()
  readonly #known = new Map<string, readonly string[]>()
  readonly #changed = new Map<string, readonly string[]>()
  readonly #counts: Record<LookupResult, number> = { found: 0, none: 0, failed: 0 }
  #wanted: ReadonlySet<string> = new Set()
  #inOrder: ReadonlySet<string> = new Set()
  #queue: Followed[] = []
  #running = 0
  #watch: NodeJS.Timeout | undefined
  #ready: Promise<unknown> | null = null
  #closed = false

  constructor(options: NamesOptions) {
    this.#options = options
    this.#lookup = options.lookup ?? new SystemLookup()
    this.#nowMs = options.nowMs ?? monotonicMs
  }

  /** The addresses known now; a name without any is there if that is an answer. */
  get known(): ReadonlyMap<string, readonly string[]> {
    return this.#known
  }

  /** What is known of each name, and when it is asked for again. */
  *states(): Generator<NamedState> {
    for (const [name, { state, nextMs }] of this.#followed)
      yield { ...state, addresses: this.#known.get(name) ?? [], nextMs }
  }

  /** Lookups since the start, by result. */
  get counts(): Readonly<Record<LookupResult, number>> {
    return this.#counts
  }

  /**
   * Follows these names from now on; the promise resolves once the new ones have been looked up.
   *
   * @param inOrder  Names whose first address matters.
   */
  async follow(names: Iterable<string>, inOrder: Iterable<string> = []): Promise<void> {
    if (this.#closed) return
    const wanted = new Set(names)
    this.#wanted = wanted
    this.#order(new Set(inOrder))
    for (const name of [...this.#followed.keys()]) if (!wanted.has(name)) this.#forget(name)
    this.#watchWhile(wanted.size > 0)
    await this.#ready
    if (this.#wanted !== wanted || this.#closed) return // there was a newer call
    for (const name of wanted) if (!this.#followed.has(name)) this.#begin(name)
    await Promise.all([...this.#followed.values()].map(({ first }) => first.promise))
  }

  /** Name servers instead of those of resolv.conf; none: those. */
  useServers(servers: readonly string[]): void {
    this.#lookup.useServers(servers)
    if (this.#ready) void this.#refresh()
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#watch)
    for (const name of [...this.#followed.keys()]) this.#forget(name)
    this.#lookup.close()
  }

  #watchWhile(isWanted: boolean): void {
    if (isWanted && this.#watch === undefined) {
      this.#ready = this.#lookup.refresh()
      this.#watch = setInterval(() => void this.#refresh(), REFRESH_MS)
      this.#watch.unref()
    } else if (!isWanted) {
      clearInterval(this.#watch)
      this.#watch = undefined
    }
  }

  /** Asks anew for names that may have another answer. */
  async #refresh(): Promise<void> {
    const isOther = await this.#lookup.refresh()
    for (const [name, followed] of this.#followed) {
      if (!isOther(name)) continue
      if (followed.isAsked) followed.again = true
      else this.#ask(followed)
    }
  }

  #order(inOrder: ReadonlySet<string>): void {
    const other = this.#inOrder.symmetricDifference(inOrder)
    this.#inOrder = inOrder
    for (const name of other) {
      const followed = this.#followed.get(name)
      if (followed) this.#tell(followed.state)
    }
  }

  #begin(name: string): void {
    const followed: Followed = {
      name,
      state: unknownName(name, this.#nowMs()),
      timer: undefined,
      isAsked: false,
      again: false,
      nextMs: this.#nowMs(),
      first: Promise.withResolvers(),
    }
    this.#followed.set(name, followed)
    this.#ask(followed)
  }

  #forget(name: string): void {
    const followed = this.#followed.get(name)
    clearTimeout(followed?.timer)
    followed?.first.resolve()
    this.#followed.delete(name)
    this.#known.delete(name)
    this.#changed.delete(name)
  }

  #ask(followed: Followed): void {
    clearTimeout(followed.timer)
    followed.isAsked = true
    followed.again = false
    this.#queue.push(followed)
    this.#next()
  }

  #next(): void {
    while (this.#running < AT_ONCE && this.#queue.length > 0) {
      for (const followed of this.#queue.splice(0, AT_ONCE - this.#running))
        if (this.#isFollowed(followed)) void this.#run(followed)
    }
  }

  /** False if the name is not wanted any more, or is wanted again since. */
  #isFollowed(followed: Followed): boolean {
    return this.#followed.get(followed.name) === followed
  }

  async #run(followed: Followed): Promise<void> {
    this.#running++
    const answer = await this.#lookup.lookup(followed.name, followed.state.asked)
    this.#running--
    if (this.#isFollowed(followed)) {
      // The servers were changed meanwhile, which ended the lookup.
      if (followed.again && failureOf(answer) !== null) this.#ask(followed)
      else this.#take(followed, answer)
    }
    this.#next()
  }

  #take(followed: Followed, answer: Answer): void {
    const { state: before } = followed
    const state = answered(before, answer, this.#nowMs())
    this.#counts[isFound(answer) ? 'found' : failureOf(answer) === null ? 'none' : 'failed']++
    followed.state = state
    followed.isAsked = false
    this.#tell(state)
    if (state.state !== before.state) this.#options.onState(state, before)
    followed.first.resolve()
    if (followed.again) this.#ask(followed)
    else this.#wait(followed, answer, before.state === 'pending')
  }

  #wait(followed: Followed, answer: Answer, isFirst: boolean): void {
    const { failures } = followed.state
    const ms = waitMs(answer, { failures, names: this.#followed.size, isFirst }, this.#random)
    followed.nextMs = this.#nowMs() + ms
    followed.timer = setTimeout(() => this.#ask(followed), ms)
    followed.timer.unref()
  }

  /** Changes that come in one turn of the loop are told in one call. */
  #tell(state: NameState): void {
    const { name } = state
    const addresses = addressesOf(state, this.#inOrder.has(name))
    if (String(this.#known.get(name) ?? []) === String(addresses)) return
    this.#known.set(name, addresses)
    if (this.#changed.size === 0) setImmediate(() => this.#flush())
    this.#changed.set(name, addresses)
  }

  #flush(): void {
    if (this.#changed.size === 0) return
    const changed = new Map(this.#changed)
    this.#changed.clear()
    this.#options.onChange(changed)
  }
}
