/**
 * The places of a document's values: one offset for each value, in reading order.
 *
 * They are kept beside the values, which stay plain data. A value is a row of two numbers: its
 * offset in the document, and how many rows it and all values below it take, so that a search can
 * step over a sibling. Rows are plain numbers, so that a document can be kept, or passed to another
 * thread, with its places.
 */

import type { Path } from '../findings/diagnostic.ts'

type Mapping = Readonly<Record<string, unknown>>
/** A list, or the values of a mapping in the order of Object.keys (which may not be the text's). */
type Container = Mapping | readonly unknown[]

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null

/** Members up to which stepping is quicker than a list of them. */
const STEPS_MAX = 32

/** The rows of `root`, of which each container's offsets are known. */
export function outlineRows(
  root: unknown,
  rootOffset: number,
  offsetsOf: (container: unknown) => readonly number[],
): Int32Array {
  const rows: number[] = []
  const add = (value: unknown, offset: number): void => {
    const row = rows.length
    rows.push(offset, 1)
    if (!isContainer(value)) return
    const offsets = offsetsOf(value)
    const members = Array.isArray(value) ? value : Object.values(value)
    for (let index = 0; index < members.length; index++) add(members[index], offsets[index] ?? offset)
    rows[row + 1] = (rows.length - row) / 2
  }
  add(root, rootOffset)
  return Int32Array.from(rows)
}

export class Outline {
  readonly #root: unknown
  readonly #rows: Int32Array
  /** Of large containers only, and only of those that somebody asked for. */
  readonly #members = new Map<number, Int32Array>()
  readonly #indexes = new Map<number, ReadonlyMap<string, number>>()

  constructor(root: unknown, rows: Int32Array) {
    this.#root = root
    this.#rows = rows
  }

  /** The offset of the value at `path`, or of its nearest existing parent. */
  offsetOf(path: Path): number {
    let row = 0
    let value = this.#root
    for (const step of path) {
      const index = isContainer(value) ? this.#indexOf(row, value, step) : -1
      if (index < 0) break
      row = this.#memberOf(row, index)
      value = (value as Readonly<Record<string | number, unknown>>)[step]
    }
    return this.#rows[2 * row]
  }

  /** The index among its siblings of the value that `step` leads to, or −1. */
  #indexOf(row: number, container: Container, step: string | number): number {
    if (Array.isArray(container)) return typeof step === 'number' && step < container.length ? step : -1
    const key = String(step)
    if (!Object.hasOwn(container, key)) return -1
    const keys = this.#indexes.get(row)
    if (keys) return keys.get(key) ?? -1
    const list = Object.keys(container)
    if (list.length > STEPS_MAX) this.#indexes.set(row, new Map(list.map((each, index) => [each, index])))
    return list.indexOf(key)
  }

  #memberOf(row: number, index: number): number {
    if (index > STEPS_MAX) return this.#membersOf(row)[index]
    let member = row + 1
    for (let left = index; left > 0; left--) member += this.#rows[2 * member + 1]
    return member
  }

  /** Built once per container: a list of thousands of routes is asked for the place of each. */
  #membersOf(row: number): Int32Array {
    const known = this.#members.get(row)
    if (known) return known
    const members: number[] = []
    const end = row + this.#rows[2 * row + 1]
    for (let member = row + 1; member < end; member += this.#rows[2 * member + 1]) members.push(member)
    const made = Int32Array.from(members)
    this.#members.set(row, made)
    return made
  }
}
