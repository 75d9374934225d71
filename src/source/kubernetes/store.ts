/**
 * What the API has, over all kinds, and what of it the compiling thread does not know yet.
 *
 * The thread keeps a mirror (control/compile/mirror.ts), so each change crosses once.
 */

import type { Labels } from '../../config/plan/inputs.ts'
import { type ApiObject, objectKey } from '../../config/text/read-objects.ts'
import { EndpointIndex, isEndpoints } from './endpoint-index.ts'
import { isSameObject, type Kept } from './objects.ts'
import { PodAddresses } from './pod-addresses.ts'
import { type PodUse, podMatters } from './pod-changes.ts'

/** Changes since the one numbered `from`; 0: everything is in it. */
export type ObjectUpdate = {
  /** Threads are shared by the gateways of a process. */
  readonly store: number
  readonly from: number
  readonly to: number
  readonly changed: readonly ApiObject[]
  readonly removed: readonly string[]
  /** Counts what is compiled though no object of another kind has changed. */
  readonly stamp: number
}

/** Changes that are owed beside as many as there are objects: of those that have gone again. */
const OWED_MAX = 1_000
let stores = 0

export class ObjectStore {
  readonly #id = ++stores
  readonly #objects = new Map<string, Kept>()
  /** The same by kind: a change of endpoints looks at no other object. */
  readonly #byKind = new Map<string, Map<string, Kept>>()
  /** By key, what the compiling thread has not got; null: it is gone. */
  #pending = new Map<string, ApiObject | null>()
  readonly endpoints = new EndpointIndex()
  #revision = 0
  #handed = 0
  /** The labels of Nodes by name; null: one has changed since they were gathered. */
  #nodes: ReadonlyMap<string, Labels> | null = null
  readonly #pods = new PodAddresses()
  /** Raised to have everything compiled anew. */
  stamp = 0

  /** What is asked of Pods; everything, until a compilation has said what. */
  podUse: PodUse = { selected: true, shared: true, locality: true }

  /** Takes a change; false: nothing that anything depends on differs. */
  take(after: Kept | null, before: Kept | null): boolean {
    const object = (after ?? before)?.object
    if (!object) return false
    const key = objectKey(object)
    const ofKind = this.#byKind.getOrInsertComputed(object.kind, () => new Map())
    for (const objects of [this.#objects, ofKind]) {
      if (after) objects.set(key, after)
      else objects.delete(key)
    }
    if (after && before && isSameObject(after, before)) return false
    if (object.kind === 'Node') this.#nodes = null
    this.#owe(key, after?.object ?? null)
    this.#revision++
    if (isEndpoints(object)) this.endpoints.take(after, before, this.#revision)
    return object.kind !== 'Pod' || this.#takePod(after?.object ?? null, before?.object ?? null)
  }

  #takePod(after: ApiObject | null, before: ApiObject | null): boolean {
    this.#pods.take(after, before)
    return podMatters(after, before, this.podUse, {
      nodes: this.nodes,
      isShared: address =>
        this.podUse.shared || this.#pods.at(address).length > 1 || this.#has('WorkloadEntry'),
    })
  }

  /** More than everything is never owed: it would be everything that has ever been there. */
  #owe(key: string, object: ApiObject | null): void {
    if (this.#handed === 0) return
    this.#pending.set(key, object)
    if (this.#pending.size > this.#objects.size + OWED_MAX) this.forget()
  }

  /** What is to be compiled now, and is taken to have been. */
  update(): ObjectUpdate {
    const from = this.#handed
    const changes = from === 0 ? this.#everything() : [...this.#pending]
    this.#pending = new Map()
    this.#handed = this.#revision
    return {
      store: this.#id,
      from,
      to: this.#revision,
      changed: changes.flatMap(([, object]) => object ?? []),
      removed: changes.flatMap(([key, object]) => (object ? [] : [key])),
      stamp: this.stamp,
    }
  }

  /** The thread that had the changes is gone: it gets everything next time. */
  forget(): void {
    this.#handed = 0
    this.#pending = new Map()
  }

  find(key: string): Kept | null {
    return this.#objects.get(key) ?? null
  }

  /** The labels of Nodes, by name. */
  get nodes(): ReadonlyMap<string, Labels> {
    this.#nodes ??= new Map(
      [...this.ofKind('Node')].map(({ object: { metadata } }) => [metadata.name, metadata.labels ?? {}]),
    )
    return this.#nodes
  }

  /** Whether any Pod is followed: most clusters need none. */
  get hasPods(): boolean {
    return this.#has('Pod')
  }

  /** The Pods that say they have this address, in the order in which they are compiled. */
  podsAt(address: string): readonly ApiObject[] {
    return this.#pods.at(address)
  }

  /** All objects, by key. */
  all(): Iterable<[string, Kept]> {
    return this.#objects
  }

  /** The objects of a kind. */
  ofKind(kind: string): Iterable<Kept> {
    return this.#byKind.get(kind)?.values() ?? []
  }

  get(key: string): ApiObject | undefined {
    return this.#objects.get(key)?.object
  }

  #has(kind: string): boolean {
    return (this.#byKind.get(kind)?.size ?? 0) > 0
  }

  #everything(): [string, ApiObject | null][] {
    return [...this.#objects].map(([key, { object }]) => [key, object])
  }
}
