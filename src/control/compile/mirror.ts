/**
 * The objects of a Kubernetes API, as the compiling thread has them: changes come one by one
 * (source/kubernetes/store.ts), and each object's last good version is remembered.
 */

import { createHash, hash } from 'node:crypto'
import { keyedDigest } from '../../base/keyed-digest.ts'
import type { ApiEntry, LeftOut } from '../../config/api-objects.ts'
import { type ApiObject, objectKey } from '../../config/text/read-objects.ts'
import type { ObjectUpdate } from '../../source/kubernetes/store.ts'

type Mirrored = {
  readonly object: ApiObject
  readonly digest: string
  /** Characters of its JSON. */
  readonly length: number
  lastGood: ApiObject | null
}

class Mirror {
  /** Characters of all objects. */
  length = 0
  readonly #objects = new Map<string, Mirrored>()
  #revision = 0
  #stamp = 0
  /** In the order of their keys, so that all replicas compile the same; null: not sorted yet. */
  #entries: readonly ApiEntry[] | null = null

  /** Takes changes; false: this thread lacks earlier ones, and wants everything. */
  take({ from, to, changed, removed, stamp }: ObjectUpdate): boolean {
    if (from !== 0 && from !== this.#revision) return false
    const gone = from === 0 ? new Set(this.#objects.keys()) : new Set(removed)
    for (const object of changed) {
      const key = objectKey(object)
      gone.delete(key)
      const before = this.#objects.get(key)
      const text = JSON.stringify(object)
      const { length } = text
      this.#objects.set(key, {
        object,
        digest: object.kind === 'Secret' ? keyedDigest([text]) : hash('sha1', text),
        length,
        lastGood: before?.lastGood ?? null,
      })
      this.length += length - (before?.length ?? 0)
    }
    for (const key of gone) {
      this.length -= this.#objects.get(key)?.length ?? 0
      this.#objects.delete(key)
    }
    this.#revision = to
    this.#stamp = stamp
    this.#entries = null
    return true
  }

  get entries(): readonly ApiEntry[] {
    this.#entries ??= [...this.#objects.keys()].sort().map(key => this.#entryOf(key))
    return this.#entries
  }

  /** A digest of everything that rules are made of; endpoints have their own revisions. */
  get checksum(): string {
    const digest = createHash('sha256').update(String(this.#stamp))
    for (const { key, object } of this.entries)
      if (!isEndpoints(object)) digest.update(key).update(this.#objects.get(key)?.digest ?? '')
    return digest.digest('hex')
  }

  /** What was taken compiles: it is the last good version of each object that was not left out. */
  good(leftOut: readonly LeftOut[]): void {
    const wrong = new Set(leftOut.map(each => each.key))
    for (const [key, mirrored] of this.#objects) if (!wrong.has(key)) mirrored.lastGood = mirrored.object
    this.#entries = null
  }

  #entryOf(key: string): ApiEntry {
    const { object, lastGood } = this.#objects.get(key) as Mirrored
    return { key, object, lastGood }
  }
}

const isEndpoints = ({ kind }: ApiObject): boolean => kind === 'EndpointSlice' || kind === 'Endpoints'

/** By store, since gateways share a thread. */
const mirrors = new Map<number, Mirror>()

/** The mirror with these changes; null: it lacks earlier ones. */
export function mirrorWith(update: ObjectUpdate): Mirror | null {
  const mirror = mirrors.getOrInsertComputed(update.store, () => new Mirror())
  return mirror.take(update) ? mirror : null
}
