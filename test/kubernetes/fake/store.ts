/**
 * The objects, and the history of their changes. One counter for all collections is the
 * resourceVersion, as etcd's revision is. What is stored is never changed afterwards: a change
 * stores another object.
 */

import { randomUUID } from 'node:crypto'
import { type ApiError, alreadyExists, conflict, expired, notFound, tooNew } from './errors.ts'
import type { Kind } from './kinds.ts'
import { isEqual, type KubeObject, placeOf } from './object.ts'

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED'

export interface Change {
  readonly revision: number
  readonly type: ChangeType
  readonly object: KubeObject
  /** What was there before, for watches that select. */
  readonly before: KubeObject | undefined
  /** As it goes to watches, by version: many of them get the same line. */
  readonly lines: Map<string, string>
}

interface Collection {
  readonly objects: Map<string, KubeObject>
  readonly changes: Change[]
  readonly watchers: Set<(change: Change) => void>
}

export class Store {
  readonly #collections = new Map<string, Collection>()
  #revision = 1000
  #oldest = 1000

  get revision(): number {
    return this.#revision
  }

  get(kind: Kind, place: string): KubeObject {
    const found = this.#of(kind).objects.get(place)
    if (!found) throw notFound(kind, place.split('/').at(-1) as string)
    return found
  }

  has(kind: Kind, place: string): boolean {
    return this.#of(kind).objects.has(place)
  }

  /** Ordered by namespace and name, as etcd's keys are. */
  list(kind: Kind, namespace?: string): KubeObject[] {
    const { objects } = this.#of(kind)
    const within = [...objects].filter(([, { metadata }]) => !namespace || metadata.namespace === namespace)
    return within.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
  }

  create(kind: Kind, object: KubeObject): KubeObject {
    const { objects } = this.#of(kind)
    if (objects.has(placeOf(object.metadata))) throw alreadyExists(kind, object.metadata.name)
    const metadata = {
      ...object.metadata,
      uid: randomUUID(),
      creationTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
      generation: 1,
    }
    return this.#write(kind, 'ADDED', { ...object, metadata }, undefined)
  }

  /** If nothing is different, the resourceVersion stays, as with a real API server. */
  replace(kind: Kind, object: KubeObject): KubeObject {
    const before = this.get(kind, placeOf(object.metadata))
    const { uid, creationTimestamp, generation = 1, resourceVersion } = before.metadata
    const asked = object.metadata.resourceVersion
    if (asked && asked !== resourceVersion) throw conflict(kind, object.metadata.name)
    const metadata = { ...object.metadata, uid, creationTimestamp, generation, resourceVersion }
    const after = { ...object, metadata } as KubeObject
    if (isEqual(after, before)) return before
    if (!isEqual(withoutStatus(after), withoutStatus(before))) metadata.generation = generation + 1
    return this.#write(kind, 'MODIFIED', after, before)
  }

  remove(kind: Kind, place: string): KubeObject {
    const before = this.get(kind, place)
    return this.#write(kind, 'DELETED', before, before)
  }

  /** Forgets the history before `revision`: whoever continues from there has to list anew. */
  compact(revision = this.#revision): void {
    this.#oldest = revision
    for (const { changes } of this.#collections.values()) {
      const kept = changes.findIndex(change => change.revision > revision)
      changes.splice(0, kept < 0 ? changes.length : kept)
    }
  }

  /** Why a reader cannot continue from `revision`, if so: it is forgotten, or still to come. */
  unknown(revision: number, asked: string): ApiError | undefined {
    if (revision < this.#oldest) return expired(asked, this.#oldest)
    return revision > this.#revision ? tooNew(revision, this.#revision) : undefined
  }

  since(kind: Kind, revision: number): Change[] {
    return this.#of(kind).changes.filter(change => change.revision > revision)
  }

  follow(kind: Kind, watcher: (change: Change) => void): () => void {
    const { watchers } = this.#of(kind)
    watchers.add(watcher)
    return () => watchers.delete(watcher)
  }

  /** A collection is gone with its CustomResourceDefinition. */
  drop(kind: Kind): void {
    for (const { metadata } of this.list(kind)) this.remove(kind, placeOf(metadata))
  }

  #write(kind: Kind, type: ChangeType, object: KubeObject, before: KubeObject | undefined): KubeObject {
    const { objects, changes, watchers } = this.#of(kind)
    this.#revision++
    const metadata = { ...object.metadata, resourceVersion: String(this.#revision) }
    const after = { ...object, metadata }
    if (type === 'DELETED') objects.delete(placeOf(metadata))
    else objects.set(placeOf(metadata), after)
    const change: Change = { revision: this.#revision, type, object: after, before, lines: new Map() }
    changes.push(change)
    for (const watcher of watchers) watcher(change)
    return after
  }

  #of({ group, plural }: Kind): Collection {
    const key = `${group}/${plural}`
    let found = this.#collections.get(key)
    if (!found) {
      found = { objects: new Map(), changes: [], watchers: new Set() }
      this.#collections.set(key, found)
    }
    return found
  }
}

function withoutStatus({ metadata, status, ...rest }: KubeObject): object {
  return rest
}
