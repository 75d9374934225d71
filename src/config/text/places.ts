/**
 * The offsets of values while a document is read: for each mapping and list, that of each member.
 * outline.ts keeps them.
 */

import type { Place } from '../findings/diagnostic.ts'
import type { Lines } from './lines.ts'

type Mapping = Readonly<Record<string, unknown>>
type Container = Mapping | readonly unknown[]

export class Places {
  readonly #lines: Lines
  /** Where the document's text begins in its file. */
  readonly #base: number
  /** Offsets in the order of the list, or of Object.keys (which is not always that of the text). */
  readonly #offsets = new Map<Container, readonly number[]>()

  constructor(lines: Lines, base: number) {
    this.#lines = lines
    this.#base = base
  }

  /** The place in the file of an offset in the document. */
  at(offset: number): Place {
    return this.#lines.place(this.#base + offset)
  }

  setList(list: readonly unknown[], offsets: readonly number[]): void {
    this.#offsets.set(list, offsets)
  }

  setMapping(mapping: Mapping, offsets: ReadonlyMap<string, number>): void {
    this.#offsets.set(
      mapping,
      Object.keys(mapping).map(key => offsets.get(key) ?? 0),
    )
  }

  /** The offsets of the values of `container`, in the order of the list or of Object.keys. */
  readonly offsetsOf = (container: unknown): readonly number[] =>
    this.#offsets.get(container as Container) ?? []
}
