/**
 * A document of a file, as it was read: its value and the places in it.
 *
 * Of a document that is kept (document-memory.ts) nothing else has to live between two loads, and
 * nobody asks for most of them: what is needed is revived.
 */

import type { Path, Place } from '../findings/diagnostic.ts'
import type { ResourceFacts, Written } from '../resource.ts'
import type { Lines } from './lines.ts'
import { Outline } from './outline.ts'
import type { ReadDocument } from './read-document.ts'

/** What is kept of a document without a finding (document-memory.ts). */
export type KeptDocument = {
  /** Its value as JSON; undefined where it has none. */
  readonly json: string | undefined
  readonly rows: Int32Array
  /** What is known of its resources, in their order. */
  readonly facts: ResourceFacts[]
}

/** Places of a document that is not revived for them: findings ask for the same in each load. */
const PLACES_MAX = 8

export class Reading implements Written<unknown> {
  readonly #lines: Lines
  /** Where it begins in the file. */
  readonly #from: number
  readonly #kept: KeptDocument | null
  #read: ReadDocument | null
  #outline: Outline | null = null
  /** By path: the last offsets that it was revived for. */
  #offsets: Map<string, number> | null = null

  /** One of `kept` and `read` may be null. */
  constructor(lines: Lines, from: number, kept: KeptDocument | null, read: ReadDocument | null) {
    this.#lines = lines
    this.#from = from
    this.#kept = kept
    this.#read = read
  }

  get value(): unknown {
    return this.#whole().value
  }

  readonly locate = (path: Path): Place => this.#lines.place(this.#from + this.#offsetOf(path))

  /** Lets go of what can be revived. */
  release(): void {
    if (this.#kept === null) return
    this.#read = null
    this.#outline = null
  }

  #offsetOf(path: Path): number {
    if (path.length === 0) return (this.#read ?? this.#kept ?? NOTHING).rows[0]
    this.#offsets ??= new Map()
    const offsets = this.#offsets
    const key = JSON.stringify(path)
    const known = offsets.get(key)
    if (known !== undefined) return known
    const found = this.#search(path)
    offsets.set(key, found)
    for (const oldest of offsets.keys()) if (offsets.size > PLACES_MAX) offsets.delete(oldest)
    return found
  }

  #search(path: Path): number {
    const { value, rows } = this.#whole()
    this.#outline ??= new Outline(value, rows)
    return this.#outline.offsetOf(path)
  }

  #whole(): ReadDocument {
    this.#read ??= this.#kept && revived(this.#kept)
    return this.#read ?? NOTHING
  }
}

const NOTHING: ReadDocument = { value: undefined, rows: new Int32Array(2) }

const revived = ({ json, rows }: KeptDocument): ReadDocument => ({
  value: json === undefined ? undefined : JSON.parse(json),
  rows,
})
