/**
 * What a large configuration was compiled to, for a start that finds the same files: it need not
 * compile anything (own-store.ts).
 *
 * A result counts for the same inputs only: the bytes of all files, what lies unread beside them,
 * the addresses that names resolved to. It is written as the first result of a process, whatever
 * generation it was in this one. Nothing is stored of a configuration with a Secret, with
 * certificates, which may change by themselves, or with an API.
 */

import { deserialize, serialize } from 'node:v8'
import { giveSlots, usedSlots } from '../../stats/counter-slots.ts'
import { renumbered } from '../../table/build/renumber.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import type { Compiled } from './compiled.ts'
import { OwnStore } from './own-store.ts'
import type { SlotMemory } from './slots.ts'

/** The first generation of a process: what is stored belongs to it. */
export const FIRST = 1

/** What a later compilation compares with, as plain data. */
type Kept = object

/** A result, as the first of a process; the table is apart. */
export type Result<Keeps extends Kept> = {
  readonly compiled: Omit<Compiled, 'table' | 'restedMs' | 'stages'>
  readonly keeps: Keeps
}

type Slots = Pick<SlotMemory, 'slots' | 'policySlots' | 'stickySlots'>

type Head<Keeps extends Kept> = {
  readonly inputs: string
  readonly result: Result<Keeps>
  /** Of each kind, those of the table. */
  readonly slots: Readonly<Record<keyof Slots, Int32Array>>
  /** The bytes of each part, which follow in this order. */
  readonly parts: Readonly<Record<keyof TableBuffers, number>>
}

const PARTS = ['routing', 'endpoints', 'clients'] as const
const LENGTH_BYTES = 4

export class StoredResults<Keeps extends Kept> {
  readonly #store: OwnStore

  /** @param paths  What the operator named: each has a file of its own. */
  constructor(directory: string, paths: readonly string[]) {
    this.#store = new OwnStore(directory, paths, '.compiled')
  }

  /**
   * What these inputs were compiled to, its slots given in `slots`; null: nobody has compiled them,
   * or a slot is taken already.
   */
  read(inputs: string, slots: Slots): (Result<Keeps> & { readonly table: TableBuffers }) | null {
    const bytes = this.#store.read()
    if (bytes === null) return null
    const tables = LENGTH_BYTES + bytes.readUInt32LE()
    const head = deserialize(bytes.subarray(LENGTH_BYTES, tables)) as Head<Keeps>
    if (head.inputs !== inputs) return null
    const { slots: used, policySlots, stickySlots } = head.slots
    const isGiven =
      giveSlots(slots.slots, FIRST, used) &&
      giveSlots(slots.policySlots, FIRST, policySlots) &&
      giveSlots(slots.stickySlots, FIRST, stickySlots)
    return isGiven ? { ...head.result, table: tablesIn(bytes.subarray(tables), head.parts) } : null
  }

  write(inputs: string, { result, table, generation, slots }: ToStore<Keeps>): void {
    const first = generation === FIRST ? table : renumbered(table, FIRST)
    const head: Head<Keeps> = {
      inputs,
      result,
      slots,
      parts: {
        routing: first.routing.byteLength,
        endpoints: first.endpoints.byteLength,
        clients: first.clients.byteLength,
      },
    }
    const text = serialize(head)
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt32LE(text.length)
    this.#store.write([length, text, ...PARTS.map(part => new Uint8Array(first[part]))])
  }
}

/** What is to be stored, when there is time. */
type ToStore<Keeps extends Kept> = {
  readonly result: Result<Keeps>
  readonly table: TableBuffers
  readonly generation: number
  readonly slots: Head<Keeps>['slots']
}

/** @param table  As built: its endpoints change once they are served, so they are copied. */
export function toStore<Keeps extends Kept>(
  result: Result<Keeps>,
  table: TableBuffers,
  generation: number,
  { slots, policySlots, stickySlots }: Slots,
): ToStore<Keeps> {
  return {
    result,
    table: { ...table, endpoints: table.endpoints.slice(0) },
    generation,
    slots: {
      slots: usedSlots(slots, generation),
      policySlots: usedSlots(policySlots, generation),
      stickySlots: usedSlots(stickySlots, generation),
    },
  }
}

function tablesIn(bytes: Uint8Array, parts: Head<Kept>['parts']): TableBuffers {
  let end = 0
  const next = (part: keyof TableBuffers): SharedArrayBuffer => {
    const start = end
    end += parts[part]
    const buffer = new SharedArrayBuffer(parts[part])
    new Uint8Array(buffer).set(bytes.subarray(start, end))
    return buffer
  }
  return { routing: next('routing'), endpoints: next('endpoints'), clients: next('clients') }
}
