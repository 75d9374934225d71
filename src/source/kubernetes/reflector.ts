/**
 * The list-and-watch loop of one kind: what the API server has, kept in step.
 *
 *   WatchList, else LIST page by page ─▶ synced ─▶ WATCH from there ─┬▶ ended: WATCH again at once
 *      ▲                                                             ├▶ failed: WATCH after a while
 *      └──────────── 410: the history is gone ◀──────────────────────┘
 *
 * What was known stays until a list has said otherwise, whatever fails. A resourceVersion is
 * opaque; it is only sent back, and compared for equality (kubernetes.io, "API Concepts").
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs, wallNowMs } from '../../base/clock.ts'
import { createRandom } from '../../base/random.ts'
import { BackOff } from './back-off.ts'
import type { Client } from './client.ts'
import { type Event, isInitialEnd, keyOf, parseEvent, STREAMED_LIST, versionOf } from './events.ts'
import { Failure, failureOf, STREAM_SILENT, waitAfter } from './failures.ts'
import { KindVersion } from './kind-version.ts'
import { type Scope, titleOfScope } from './kinds.ts'
import { Known, type OnObject } from './known.ts'
import { readLines } from './lines.ts'
import { type Kept, readObject } from './objects.ts'
import { DEFAULT_PACE, holdLeftMs, type Pace } from './pace.ts'
import { PhaseKeeper, type ReflectorState } from './reflector-state.ts'
import { Requests } from './requests.ts'

type ReflectorOptions = {
  readonly client: Client
  readonly scope: Scope
  readonly onObject: OnObject
  /** Called when it is first synced, and when phase or trouble change. */
  readonly onState: () => void
  readonly pace?: Pace
}

/** Events that come within this time are read together: endpoints are collected anyway. */
const REST_MS = 40
/** Looks, a pace.absentMs apart, after which a kind that was there counts as deleted. */
const LOOKS_MAX = 3
let seeds = 0

export class Reflector {
  readonly #options: ReflectorOptions
  readonly #pace: Pace
  readonly #closing = new AbortController()
  readonly #requests: Requests
  readonly #backOff: BackOff
  readonly #known: Known
  readonly #version: KindVersion
  /** Looks at which the server lacked the kind, though it had it before. */
  #missing = 0
  /** Where the next watch begins; '' asks for a list first. */
  #resourceVersion = ''
  /** Whether the server has refused to stream a list. */
  #isPaged = false
  readonly #state: PhaseKeeper
  #startedMs = 0
  /** When the last watch began. */
  #watchingMs = Number.POSITIVE_INFINITY
  #ended: Promise<void> = Promise.resolve()

  constructor(options: ReflectorOptions) {
    this.#options = options
    this.#pace = options.pace ?? DEFAULT_PACE
    this.#state = new PhaseKeeper(options.onState)
    this.#known = new Known(options.onObject)
    this.#version = new KindVersion(options.scope.kind.versions)
    const random = createRandom(process.pid, wallNowMs() >>> 0, seeds++)
    this.#backOff = new BackOff(this.#pace, random)
    this.#requests = new Requests({
      client: options.client,
      scope: options.scope,
      pace: this.#pace,
      random,
      version: () => this.#version.current,
      signal: this.#closing.signal,
    })
  }

  get scope(): Scope {
    return this.#options.scope
  }

  get state(): ReflectorState {
    const { kind } = this.scope
    const version = this.#version.current
    return {
      ...this.#state.now,
      objects: this.#known.size,
      title: titleOfScope(this.scope),
      kind: kind.kind,
      version,
    }
  }

  /** @param cached  Objects of a cache, which count until the first list. */
  start(cached: Iterable<Kept> = []): void {
    this.#known.seed(cached)
    this.#startedMs = monotonicMs()
    this.#ended = this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#ended
  }

  /** Ends it for good, and what it has known is gone. */
  giveUp(): void {
    this.#closing.abort()
    this.#known.replace(new Map())
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        if (this.#resourceVersion === '') await this.#synchronise()
        else await this.#watch()
      } catch (error) {
        if (this.#closing.signal.aborted) return
        await this.#recover(failureOf(error))
      }
    }
  }

  async #synchronise(): Promise<void> {
    this.#state.count('lists')
    this.#state.update({ phase: 'listing' })
    if (this.#isPaged) return await this.#list()
    try {
      await this.#stream(STREAMED_LIST, new Map())
    } catch (error) {
      const { status } = failureOf(error)
      // Servers without WatchList refuse its parameters; some ignore them, and fall silent.
      if (status !== 400 && status !== 422 && status !== STREAM_SILENT) throw error
      this.#isPaged = true
      await this.#list()
    }
  }

  /** Reads all pages, then takes them as the truth. */
  async #list(): Promise<void> {
    const found = new Map<string, Kept>()
    const version = await this.#requests.list(items => {
      this.#state.heard()
      for (const each of items) this.#collect(each, found)
    })
    this.#replace(found, version)
  }

  async #watch(): Promise<void> {
    const startedMs = monotonicMs()
    const before = this.#resourceVersion
    this.#state.count('watches')
    await this.#stream({ resourceVersion: before }, null)
    const isShort = monotonicMs() - startedMs < this.#pace.shortMs && this.#resourceVersion === before
    if (isShort) throw new Failure(0, 'the watch ended at once')
  }

  /**
   * Follows a watch to its end.
   *
   * @param found  Collects the objects of a streamed list, up to its end; null: there is none.
   */
  async #stream(query: Readonly<Record<string, string>>, found: Map<string, Kept> | null): Promise<void> {
    const body = await this.#requests.watch(query)
    let collecting = found
    let isAgain = false
    this.#watchingMs = monotonicMs()
    if (!collecting) this.#state.synced()
    const { idleMs, streamMs, restMs = REST_MS } = this.#pace
    const onLine = (line: string): boolean => {
      this.#state.heard()
      const event = parseEvent(line)
      if (collecting && isInitialEnd(event)) {
        this.#replace(collecting, versionOf(event))
        isAgain = this.#resourceVersion === ''
        collecting = null
      } else if (collecting) this.#gather(event, collecting)
      else this.#take(event)
      return !isAgain
    }
    try {
      await readLines(body, {
        idleMs: () => (collecting ? streamMs : idleMs),
        restMs: () => (collecting ? 0 : restMs),
        onLine,
      })
      if (isAgain) return
    } catch (error) {
      if (!collecting || this.#closing.signal.aborted || error instanceof Failure) throw error
      throw new Failure(STREAM_SILENT, String(error))
    }
    if (collecting) throw new Failure(STREAM_SILENT, 'the streamed list ended early')
  }

  #gather({ type, object }: Event, found: Map<string, Kept>): void {
    if (type === 'ERROR') throw Failure.ofStatus(object)
    if (type === 'DELETED') found.delete(keyOf(object))
    else if (type !== 'BOOKMARK') this.#collect(object, found)
  }

  #take({ type, object }: Event): void {
    if (this.#closing.signal.aborted) return
    if (type === 'ERROR') throw Failure.ofStatus(object)
    if (type === 'ADDED' || type === 'MODIFIED') {
      const kept = this.#read(object)
      if (kept) this.#known.set(kept)
    } else if (type === 'DELETED') this.#known.delete(keyOf(object))
    else if (type !== 'BOOKMARK') throw new Failure(0, `an event of unknown type ${type.slice(0, 20)}`)
    this.#resourceVersion = versionOf({ type, object }) || this.#resourceVersion
  }

  #collect(item: unknown, found: Map<string, Kept>): void {
    const kept = this.#read(item)
    if (kept) found.set(keyOf(kept.object), kept)
  }

  #read(item: unknown): Kept | null {
    const { kind, group } = this.scope.kind
    // v1beta1 of EndpointSlices is read into the shape of v1 (objects.ts).
    const version = kind === 'EndpointSlice' ? 'v1' : this.#version.current
    return readObject(item, kind, group === '' ? version : `${group}/${version}`)
  }

  /** A whole list is here: what it lacks is gone. */
  #replace(found: ReadonlyMap<string, Kept>, version: string): void {
    if (this.#closing.signal.aborted) return
    this.#known.replace(found)
    this.#missing = 0
    const isNewest = this.#version.found()
    this.#resourceVersion = isNewest ? version : ''
    if (isNewest) this.#state.synced()
  }

  async #recover(failure: Failure): Promise<void> {
    const { status } = failure
    if (status === 410) {
      const isFirst = this.#resourceVersion !== '' && monotonicMs() - this.#watchingMs > this.#pace.shortMs
      this.#resourceVersion = '' // what is known stays until the list is here
      if (isFirst) return
    }
    if (status === 404 && (await this.#isAbsent())) return
    // A server that has just started does not know its CRDs yet.
    const why = status === 404 ? new Failure(0, 'the API server is not ready') : failure
    this.#state.failed(why)
    const waitMs = waitAfter(why, this.#backOff, this.#pace)
    const heldMs = this.#heldMs(why)
    await this.#pause(Math.min(heldMs, waitMs))
    if (heldMs > waitMs || this.#closing.signal.aborted) return
    this.#state.update({ isSynced: true })
    await this.#pause(waitMs - heldMs)
  }

  /** How long others still wait for it, now that it has failed. */
  #heldMs({ isOfObject }: Failure): number {
    if (this.scope.name === null || this.#state.now.isSynced) return Number.POSITIVE_INFINITY
    return isOfObject ? 0 : holdLeftMs(this.#startedMs, this.#pace)
  }

  /**
   * The server may have the kind in another version. If it has none, the kind counts as empty; one
   * that was there is believed to be gone only after several looks.
   */
  async #isAbsent(): Promise<boolean> {
    this.#resourceVersion = ''
    if (this.#version.lacks()) return true
    if (!(await this.#options.client.isReady(this.#closing.signal))) return false
    if (this.#known.size > 0 && ++this.#missing < LOOKS_MAX)
      this.#state.update({
        phase: 'waiting',
        trouble: 'the server no longer has this kind',
        concerns: 'kind',
      })
    else {
      this.#known.replace(new Map())
      this.#state.update({ phase: 'absent', isSynced: true, trouble: '' })
    }
    await this.#pause(this.#backOff.jittered(this.#pace.absentMs))
    return true
  }

  /** Ends early when the loop is closed. */
  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {})
  }
}
