/**
 * What a loop (reflector.ts) asks of the API server about its kind: a list page by page, and
 * watches. What the answers mean to it is the loop's.
 */

import type { IncomingMessage } from 'node:http'
import { nextBelow, type Random } from '../../base/random.ts'
import type { Client } from './client.ts'
import { Failure } from './failures.ts'
import { pathOf, type Scope, selectorOf } from './kinds.ts'
import type { Fields } from './objects.ts'
import type { Pace } from './pace.ts'

type Query = Readonly<Record<string, string>>

type RequestsOptions = {
  readonly client: Client
  readonly scope: Scope
  readonly pace: Pace
  readonly random: Random
  /** The version of the kind to ask for now. */
  readonly version: () => string
  readonly signal: AbortSignal
}

type Page = { readonly items: readonly unknown[]; readonly version: string; readonly next: string }

export class Requests {
  readonly #options: RequestsOptions

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  /** Hands over the items of each page. @returns The resourceVersion of the list. */
  async list(onPage: (items: readonly unknown[]) => void): Promise<string> {
    let position = ''
    for (;;) {
      const { items, version, next } = await this.#page(position)
      onPage(items)
      if (next === '' && version === '') throw new Failure(0, 'a list without resourceVersion')
      if (next === '') return version
      if (next === position) throw new Failure(0, 'a page of the list continues with itself')
      position = next
    }
  }

  /** The lines of a watch, or a streamed list, follow in the body. */
  async watch(query: Query): Promise<IncomingMessage> {
    const { client, pace, random, signal } = this.#options
    const seconds = pace.watchS + nextBelow(random, pace.watchS)
    const watch = { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds) }
    const answer = await client.open(this.#path({ ...watch, ...query }), signal, { pauses: true })
    if (answer.status !== 200) throw await client.refusal(answer)
    return answer.body
  }

  async #page(position: string): Promise<Page> {
    const { client, pace, signal } = this.#options
    const query = { limit: String(pace.pageSize), ...(position !== '' && { continue: position }) }
    const { status, headers, value } = await client.whole(this.#path(query), signal)
    if (status !== 200) throw Failure.ofAnswer(status, headers, value)
    const { items, metadata } = Object(value) as Fields
    if (!Array.isArray(items ?? []) || metadata === undefined) throw new Failure(0, 'the answer is no list')
    const { resourceVersion, continue: next } = Object(metadata) as Fields
    const found = (items ?? []) as readonly unknown[] // Go writes an empty list as null
    return { items: found, version: String(resourceVersion ?? ''), next: String(next ?? '') }
  }

  #path(query: Query): string {
    const { scope, version } = this.#options
    return `${pathOf(scope, version())}?${new URLSearchParams({ ...query, ...selectorOf(scope) })}`
  }
}
