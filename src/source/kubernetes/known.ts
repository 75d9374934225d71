/** The objects of one loop: what the server has said of them, and each difference. */

import { keyOf } from './events.ts'
import type { Kept } from './objects.ts'

/** Called for each object that is new, changed (with both) or gone (`after` is null). */
export type OnObject = (after: Kept | null, before: Kept | null) => void

export class Known {
  readonly #objects = new Map<string, Kept>()
  readonly #onObject: OnObject

  constructor(onObject: OnObject) {
    this.#onObject = onObject
  }

  get size(): number {
    return this.#objects.size
  }

  /** An event that comes twice, and an object that a new list has unchanged, are no difference. */
  set(after: Kept): void {
    const key = keyOf(after.object)
    const before = this.#objects.get(key) ?? null
    if (before && isSameVersion(before, after)) return
    this.#objects.set(key, after)
    this.#onObject(after, before)
  }

  delete(key: string): void {
    const before = this.#objects.get(key)
    if (!before) return
    this.#objects.delete(key)
    this.#onObject(null, before)
  }

  /** What it had when it was last known. */
  seed(objects: Iterable<Kept>): void {
    for (const each of objects) this.set(each)
  }

  /** A whole list is here: what it lacks is gone. */
  replace(found: ReadonlyMap<string, Kept>): void {
    for (const key of [...this.#objects.keys()]) if (!found.has(key)) this.delete(key)
    for (const each of found.values()) this.set(each)
  }
}

/** The same state of it, in the same version of its kind. */
const isSameVersion = (before: Kept, after: Kept): boolean =>
  after.resourceVersion !== '' &&
  before.resourceVersion === after.resourceVersion &&
  before.object.apiVersion === after.object.apiVersion
