/**
 * The places of a document's values: for each mapping and list, the offset of each value.
 *
 * They are kept beside the values, which stay plain data. They cost one number per value; lines and
 * columns are computed on demand.
 */

import type { Path, Place } from '../findings/diagnostic.ts'
import type { Lines } from './lines.ts'

type Mapping = Readonly<Record<string, unknown>>
type Container = Mapping | readonly unknown[]

const isMapping = (value: unknown): value is Mapping => typeof value === 'object' && value !== null

export class Places {
  readonly #lines: Lines
  /** Offsets in the order of the list, or of Object.keys (which is not always that of the text). */
  readonly #offsets = new Map<Container, readonly number[]>()
  readonly #indexes = new Map<Mapping, ReadonlyMap<string, number>>()

  constructor(lines: Lines) {
    this.#lines = lines
  }

  at(offset: number): Place {
    return this.#lines.place(offset)
  }

  setList(list: readonly unknown[], offsets: readonly number[]): void {
    this.#offsets.set(list, offsets)
  }

  setMapping(mapping: Readonly<Record<string, unknown>>, offsets: ReadonlyMap<string, number>): void {
    this.#offsets.set(
      mapping,
      Object.keys(mapping).map(key => offsets.get(key) ?? 0),
    )
  }

  /** The index among its siblings of the value that `step` leads to, or −1. */
  #indexOf(container: unknown, step: string | number): number {
    if (Array.isArray(container)) return typeof step === 'number' ? step : -1
    return isMapping(container) ? (this.#indexesOf(container).get(String(step)) ?? -1) : -1
  }

  /** Built once per mapping: a file with many mistakes asks for many places in one mapping. */
  #indexesOf(mapping: Mapping): ReadonlyMap<string, number> {
    const known = this.#indexes.get(mapping)
    if (known) return known
    const indexes = new Map(Object.keys(mapping).map((key, index) => [key, index]))
    this.#indexes.set(mapping, indexes)
    return indexes
  }

  /** The offsets of the values of `container`, in the order of the list or of Object.keys. */
  offsetsOf(container: unknown): readonly number[] {
    return this.#offsets.get(container as Container) ?? []
  }

  /** The place of the value at `path` below `root`, or of its nearest existing parent. */
  locate(root: unknown, rootOffset: number, path: Path): Place {
    let offset = rootOffset
    let value: unknown = root
    for (const step of path) {
      const index = this.#indexOf(value, step)
      const next = this.offsetsOf(value)[index]
      if (next === undefined) break
      offset = next
      value = (value as Readonly<Record<string | number, unknown>>)[step]
    }
    return this.at(offset)
  }
}
