/** LIST, with pages: each page of a list shows what its first page found. */

import { ApiError, badRequest, expired, tooNew } from './errors.ts'
import { apiVersionOf, type Kind } from './kinds.ts'
import type { KubeObject } from './object.ts'
import type { Asked } from './request.ts'
import { selectorOf } from './selectors.ts'
import type { Store } from './store.ts'

interface Snapshot {
  readonly revision: number
  readonly objects: readonly KubeObject[]
}

export class Lists {
  readonly #store: Store
  readonly #snapshots = new Map<string, Snapshot>()
  #snapshot = 0

  constructor(store: Store) {
    this.#store = store
  }

  answer(kind: Kind, { version, namespace, query }: Asked): object {
    const token = query.get('continue')
    const [key, start] = token ? decoded(token) : [undefined, 0]
    const { revision, objects } = key ? this.#continued(key) : this.#taken(kind, namespace, query)
    const limit = Number(query.get('limit') ?? 0) || objects.length
    const end = Math.min(start + limit, objects.length)
    const left = objects.length - end
    const more = left > 0 && {
      continue: encoded(key ?? this.#keep({ revision, objects }), end),
      remainingItemCount: left,
    }
    return {
      kind: `${kind.kind}List`,
      apiVersion: apiVersionOf(kind.group, version),
      metadata: { resourceVersion: String(revision), ...more },
      items: objects.slice(start, end).map(each => inVersion(each, kind, version)),
    }
  }

  /** Forgets what lists began with, as the compaction of etcd does. */
  compact(): void {
    this.#snapshots.clear()
  }

  #taken(kind: Kind, namespace: string | undefined, query: URLSearchParams): Snapshot {
    const asked = query.get('resourceVersion') ?? ''
    const match = query.get('resourceVersionMatch')
    if (match && (asked === '' || (match === 'Exact' && asked === '0')))
      throw badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided')
    if (asked !== '' && asked !== '0') {
      const revision = revisionOf(asked)
      if (match === 'Exact' && revision !== this.#store.revision) throw expired(asked, this.#store.revision)
      if (revision > this.#store.revision) throw tooNew(revision, this.#store.revision)
    }
    const selects = selectorOf(query)
    const all = this.#store.list(kind, namespace)
    return { revision: this.#store.revision, objects: selects ? all.filter(selects) : all }
  }

  #continued(key: string): Snapshot {
    const found = this.#snapshots.get(key)
    if (!found)
      throw new ApiError(
        410,
        'Expired',
        'The provided continue parameter is too old to display a consistent list result.',
      )
    return found
  }

  #keep(snapshot: Snapshot): string {
    const key = String(++this.#snapshot)
    this.#snapshots.set(key, snapshot)
    return key
  }
}

export function revisionOf(text: string): number {
  if (!/^\d+$/.test(text)) throw badRequest(`invalid resource version: "${text}"`)
  return Number(text)
}

/** Versions of a kind differ in nothing but their name. */
export function inVersion(object: KubeObject, { group }: Kind, version: string): KubeObject {
  const apiVersion = apiVersionOf(group, version)
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion }
}

const encoded = (key: string, start: number): string => Buffer.from(`${key}:${start}`).toString('base64url')

function decoded(token: string): [string, number] {
  const [key, start] = Buffer.from(token, 'base64url').toString().split(':')
  if (!start) throw badRequest('continue key is not valid')
  return [key, Number(start)]
}
