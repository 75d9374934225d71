/**
 * Writes status and Events into the API: only what differs, little at a time, and never in a hurry.
 *
 * Every replica wants the same, so the holder of a Lease writes (lease.ts), and the others look now
 * and then whether it has. Without the right to a Lease each waits a moment by chance, and mostly
 * finds that another has written. A status is a merge patch with the resourceVersion that was read:
 * lists of Gateway API's status are atomic, so a server-side apply would take the entries of other
 * controllers away. After a conflict weir tries again once the watch has brought the newer object.
 * Nothing of this holds back what is served.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { wallNowMs, wallTime } from '../../base/clock.ts'
import { createRandom, nextBelow } from '../../base/random.ts'
import { mergeStatus } from '../../config/gateway-api/status/merge.ts'
import type { ApiObject } from '../../config/text/read-objects.ts'
import type { Client } from './client.ts'
import { pathOf, RULE_KINDS, type Scope } from './kinds.ts'
import type { Lease, Standing } from './lease.ts'
import type { Fields, Kept } from './objects.ts'

/** What the status of an object should be. */
export type Wanted = { readonly generation: number; readonly status: Fields }

/** Something to tell about an object, once. */
export type Told = {
  readonly key: string
  readonly reason: string
  readonly note: string
  readonly id: string
}

type Written = {
  readonly code: number
  /** As it is afterwards, if it was written; the one before if that changed nothing. */
  readonly resourceVersion: string | undefined
}

type WriterOptions = {
  readonly client: Client
  /** null: everybody may write. */
  readonly lease?: Pick<Lease, 'take' | 'isHeld' | 'againMs' | 'close'> | null
  readonly find: (key: string) => Kept | null
  /** Whether an entry of a status is another weir's. */
  readonly isOthers?: (entry: Fields, kept: Kept) => boolean
  /** What is not written, and why, for the log: once for each reason. */
  readonly onTrouble?: ((text: string) => void) | undefined
  readonly spreadMs?: number | undefined
}

/** The first write comes after up to this time. */
const SPREAD_MS = 2_000
/** At most so many writes a second. */
const GAP_MS = 100
const AGAIN_MS = 5_000
/** Attempts to write a status before it is left until it should be another. */
const ATTEMPTS_MAX = 5
/** Events that are remembered as told: many times those of one configuration. */
const TOLD_MAX = 10_000

export class Writer {
  readonly #options: WriterOptions
  readonly #random = createRandom(process.pid, wallNowMs() >>> 0, 7)
  readonly #closing = new AbortController()
  #wanted = new Map<string, Wanted>()
  #attempts = new Map<string, number>()
  #events: Told[] = []
  readonly #told = new Set<string>()
  readonly #troubles = new Set<string>()
  /** By key, the version over which a status was written last, by weir or by somebody else. */
  readonly #past = new Map<string, string>()
  #running: Promise<void> | null = null

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** What should be written from now on; what is written already costs nothing. */
  want(statuses: ReadonlyMap<string, Wanted>, events: readonly Told[]): void {
    this.#wanted = new Map(statuses)
    this.#attempts = new Map()
    for (const key of this.#past.keys()) if (!statuses.has(key)) this.#past.delete(key)
    this.#events = events.filter(each => !this.#remembers(each.id))
    this.#start()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([this.#running, this.#options.lease?.close()])
  }

  #start(): void {
    if (this.#running || this.#closing.signal.aborted || this.#isDone()) return
    this.#running = this.#run().finally(() => {
      this.#running = null
      this.#start() // something may have come since it looked last
    })
  }

  readonly #isDone = (): boolean => this.#wanted.size === 0 && this.#events.length === 0

  async #run(): Promise<void> {
    await this.#pause(nextBelow(this.#random, this.#options.spreadMs ?? SPREAD_MS) + 1)
    while (!this.#closing.signal.aborted) {
      this.#forgetWritten()
      if (this.#isDone()) return
      const standing = await this.#standing()
      if (standing === 'others' && this.#wanted.size === 0) this.#events = [] // its holder tells them
      if (standing === 'others' || standing === 'unknown') {
        await this.#pause(this.#options.lease?.againMs ?? AGAIN_MS)
        continue
      }
      const failed = (await this.#writeStatuses(standing)) || (await this.#writeEvents(standing))
      await this.#pause(failed ? AGAIN_MS + nextBelow(this.#random, AGAIN_MS) : GAP_MS)
    }
  }

  async #standing(): Promise<Standing> {
    const standing = (await this.#options.lease?.take()) ?? 'none'
    if (this.#options.lease && standing === 'none')
      this.#trouble('no right to a Lease, so replicas may write status at once: weir rbac prints it')
    return standing
  }

  /** Statuses that are as they should be, up to the first that is not, or that nobody knows yet. */
  #forgetWritten(): void {
    for (const [key, wanted] of this.#wanted) {
      if (this.#isPast(key) || this.#next(key, wanted)) return
      this.#wanted.delete(key)
    }
  }

  /** What has to be written; null: nothing. */
  #next(key: string, wanted: Wanted): { readonly kept: Kept; readonly status: Fields } | null {
    const kept = this.#options.find(key)
    const isOthers = (entry: Fields): boolean => this.#options.isOthers?.(entry, kept as Kept) ?? false
    const status = kept && mergeStatus(kept.status, wanted, wallTime(), isOthers)
    return kept && status ? { kept, status } : null
  }

  /** Whether the watch has yet to bring what was written over this version. */
  #isPast(key: string): boolean {
    const past = this.#past.get(key)
    return past !== undefined && past === this.#options.find(key)?.resourceVersion
  }

  /** Whoever has lost the Lease while it wrote stops. */
  #mustStop(standing: Standing): boolean {
    return this.#closing.signal.aborted || (standing === 'held' && !this.#options.lease?.isHeld)
  }

  /** Whether something failed, and is to be tried again. Ends where others are wanted meanwhile. */
  async #writeStatuses(standing: Standing): Promise<boolean> {
    const all = this.#wanted
    let failed = false
    for (const [key, wanted] of all) {
      if (all !== this.#wanted || this.#mustStop(standing)) return failed
      if (this.#isPast(key)) continue
      all.delete(key)
      const next = this.#next(key, wanted)
      if (!next) continue
      const { code, resourceVersion } = await this.#patch(next.kept, next.status)
      const isChanged = code === 409 || (code < 300 && resourceVersion !== next.kept.resourceVersion)
      if (isChanged) this.#past.set(key, next.kept.resourceVersion)
      if (code === 409) all.set(key, wanted)
      if (code < 300 || code === 409 || code === 404) continue // 404: it is gone
      failed = true
      const attempts = (this.#attempts.get(key) ?? 0) + 1
      this.#attempts.set(key, attempts)
      if (attempts < ATTEMPTS_MAX) all.set(key, wanted)
      else continue
      if (attempts > 1) break
    }
    return failed
  }

  async #patch({ object, resourceVersion }: Kept, status: Fields): Promise<Written> {
    const path = `${placeOf(object)}/status?fieldManager=weir`
    const body = JSON.stringify({ metadata: { resourceVersion }, status })
    const written = await this.#send('PATCH', path, 'application/merge-patch+json', body)
    await this.#pause(GAP_MS)
    return written
  }

  async #writeEvents(standing: Standing): Promise<boolean> {
    for (let next = this.#events.shift(); next; next = this.#events.shift()) {
      if (this.#mustStop(standing)) return false
      const kept = this.#options.find(next.key)
      if (!kept) continue
      const { namespace = 'default' } = kept.object.metadata
      const path = `/api/v1/namespaces/${namespace}/events?fieldManager=weir`
      const { code } = await this.#send('POST', path, 'application/json', JSON.stringify(eventOf(kept, next)))
      await this.#pause(GAP_MS)
      if (code >= 300 && code !== 409 && code !== 403 && code !== 404) {
        this.#events.unshift(next)
        return true
      }
      this.#remember(next.id)
    }
    return false
  }

  /** Whether it is told. What is still so counts as told just now. */
  #remembers(id: string): boolean {
    if (!this.#told.delete(id)) return false
    this.#told.add(id)
    return true
  }

  /** The one that was told longest ago gives way. */
  #remember(id: string): void {
    this.#told.add(id)
    for (const oldest of this.#told) {
      if (this.#told.size <= TOLD_MAX) return
      this.#told.delete(oldest)
    }
  }

  async #send(method: string, path: string, type: string, body: string): Promise<Written> {
    try {
      const { status, value } = await this.#options.client.whole(path, this.#closing.signal, {
        method,
        type,
        body,
      })
      if (status >= 400 && status !== 409)
        this.#trouble(`not written: ${status}: ${Object(value).message ?? method}`)
      return { code: status, resourceVersion: Object(value).metadata?.resourceVersion }
    } catch (error) {
      this.#trouble(`not written: ${error}`)
      return { code: 599, resourceVersion: undefined }
    }
  }

  #trouble(text: string): void {
    const short = text.slice(0, 300)
    if (this.#closing.signal.aborted || this.#troubles.has(short) || this.#troubles.size > 100) return
    this.#troubles.add(short)
    this.#options.onTrouble?.(short)
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {})
  }
}

/** The path of one object. */
function placeOf({ apiVersion, kind, metadata }: ApiObject): string {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  const found = RULE_KINDS.find(each => each.kind === kind && each.group === group)
  const scope: Scope | undefined = found && { kind: found, namespace: metadata.namespace ?? null, name: null }
  return scope ? `${pathOf(scope, version)}/${metadata.name}` : ''
}

/** Its name follows from what it says: of many replicas, the first creates it. */
function eventOf({ object, uid, resourceVersion }: Kept, { reason, note, id }: Told): Fields {
  const { apiVersion, kind, metadata } = object
  const { name, namespace = 'default' } = metadata
  const now = wallTime()
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name.slice(0, 200)}.${id}`, namespace },
    involvedObject: { apiVersion, kind, name, namespace: metadata.namespace, uid, resourceVersion },
    reason,
    message: note.slice(0, 1024),
    type: 'Warning',
    source: { component: 'weir' },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  }
}
