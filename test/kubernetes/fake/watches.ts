/** WATCH: a stream of changes, one a line, from a revision or with all objects first. */

import type { ServerResponse } from 'node:http'
import { type ApiError, badRequest, invalid } from './errors.ts'
import { apiVersionOf, type Kind } from './kinds.ts'
import { inVersion, revisionOf } from './lists.ts'
import type { KubeObject } from './object.ts'
import type { Asked } from './request.ts'
import { type Selects, selectorOf } from './selectors.ts'
import type { Change, ChangeType, Store } from './store.ts'

/** What a fault does to one stream. */
export interface StreamFault {
  /** After so many whole lines, half of the next one and then a reset. */
  readonly cutAfter?: number
  /** After so many lines no byte comes any more, and the connection stays. */
  readonly silentAfter?: number
  /** Each line comes twice. */
  readonly twice?: boolean
  /** The stream begins with an ERROR of this code, and ends. */
  readonly error?: ApiError
}

export class Watch {
  readonly asked: Asked
  readonly user: string
  readonly kind: Kind
  linesSent = 0
  readonly #response: ServerResponse
  readonly #store: Store
  readonly #selects: Selects | null
  readonly #fault: StreamFault
  readonly #timers: NodeJS.Timeout[] = []
  #unfollow = (): void => {}
  #isSilent = false
  #isOver = false

  constructor(
    store: Store,
    kind: Kind,
    asked: Asked,
    user: string,
    response: ServerResponse,
    fault: StreamFault,
  ) {
    this.#store = store
    this.kind = kind
    this.asked = asked
    this.user = user
    this.#response = response
    this.#fault = fault
    this.#selects = selectorOf(asked.query)
  }

  /** Answers, and follows the store. `defaultMs`: how long, if the client does not say. */
  begin(hasWatchList: boolean, defaultMs: number): void {
    const { query } = this.asked
    const initial = query.get('sendInitialEvents') === 'true'
    if ((initial || query.has('resourceVersionMatch')) && !hasWatchList)
      throw invalid(
        this.kind,
        '',
        'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch',
      )
    if (initial && query.get('resourceVersionMatch') !== 'NotOlderThan')
      throw badRequest('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
    const from = query.get('resourceVersion') ?? ''
    const begins = initial || from === '' || from === '0'
    const revision = begins ? this.#store.revision : revisionOf(from)

    this.#response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    this.#response.once('close', () => this.#stop())
    const error = this.#fault.error ?? (begins ? undefined : this.#store.unknown(revision, from))
    if (error) {
      this.fail(error)
      return
    }
    if (begins)
      for (const each of this.#store.list(this.kind, this.asked.namespace))
        if (this.#selects?.(each) ?? true) this.#write(this.#line('ADDED', each))
    if (initial) this.bookmark({ 'k8s.io/initial-events-end': 'true' })
    for (const change of this.#store.since(this.kind, revision)) this.#send(change)
    this.#unfollow = this.#store.follow(this.kind, change => this.#send(change))

    const seconds = Number(query.get('timeoutSeconds') ?? 0)
    this.#timers.push(setTimeout(() => this.end(), seconds > 0 ? seconds * 1000 : defaultMs))
  }

  /** What has been seen, so that a kind without changes stays able to continue. */
  bookmark(annotations?: Readonly<Record<string, string>>): void {
    if (this.asked.query.get('allowWatchBookmarks') !== 'true') return
    const object = {
      kind: this.kind.kind,
      apiVersion: apiVersionOf(this.kind.group, this.asked.version),
      metadata: { resourceVersion: String(this.#store.revision), ...(annotations && { annotations }) },
    }
    this.#write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
  }

  /** An ERROR in the stream, and its end. */
  fail({ status }: ApiError): void {
    this.#write(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
    this.#finish()
  }

  /** The end that comes after timeoutSeconds. */
  end(): void {
    this.bookmark()
    this.#finish()
  }

  /** Resets the connection, after half a line if `midLine`. */
  cut(midLine = false): void {
    if (this.#isOver) return
    this.#stop()
    if (!midLine) this.#response.socket?.resetAndDestroy()
    else
      this.#response.write('{"type":"MODIFIED","object":{"kin', () =>
        this.#response.socket?.resetAndDestroy(),
      )
  }

  /** Not a byte from now on, as behind a balancer that has forgotten the connection. */
  silence(): void {
    this.#isSilent = true
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #finish(): void {
    this.#stop()
    if (!this.#isSilent) this.#response.end()
  }

  #stop(): void {
    this.#isOver = true
    this.#unfollow()
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #send(change: Change): void {
    const { namespace } = this.asked
    if (namespace && change.object.metadata.namespace !== namespace) return
    const type = this.#typeOf(change)
    if (!type) return
    const key = `${this.asked.version} ${type}`
    let line = change.lines.get(key)
    if (!line) {
      line = this.#line(type, change.object)
      change.lines.set(key, line)
    }
    this.#write(line)
  }

  /** What a selection makes of a change: one that begins to match is new, one that ends is gone. */
  #typeOf({ type, object, before }: Change): ChangeType | undefined {
    if (!this.#selects) return type
    const matches = type !== 'DELETED' && this.#selects(object)
    const matched = before !== undefined && this.#selects(before)
    if (matches) return matched ? 'MODIFIED' : 'ADDED'
    return matched ? 'DELETED' : undefined
  }

  #line(type: ChangeType, object: KubeObject): string {
    return `${JSON.stringify({ type, object: inVersion(object, this.kind, this.asked.version) })}\n`
  }

  #write(line: string): void {
    const { cutAfter, silentAfter, twice } = this.#fault
    if (this.#isSilent || this.#isOver) return
    if (this.linesSent === cutAfter) {
      this.#stop()
      this.#response.write(line.slice(0, line.length / 2), () => this.#response.socket?.resetAndDestroy())
      return
    }
    if (this.linesSent === silentAfter) {
      this.silence()
      return
    }
    this.linesSent++
    this.#response.write(twice ? line + line : line)
  }
}
