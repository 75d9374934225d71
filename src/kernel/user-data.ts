/**
 * An operation's user_data: 64 bits that go into the kernel with it and come back with each of its
 * completions, as two words, so that no BigInt is needed.
 *
 *   word 0: slot, 24 bits │ operation, 8 bits      word 1: the slot's generation
 *
 * The slot identifies the connection, the operation its kind, and the generation the use of the
 * slot: a completion with another generation than the slot's current one belongs to a closed
 * connection, and is dropped. It wraps after 2^32 uses of one slot.
 */

import { assert } from '../base/assert.ts'

/** Slots that fit in word 0. */
const SLOTS_MAX = 1 << 24

/** Word 0, for `operation` 0–255. */
export function subject(slot: number, operation: number): number {
  assert(slot >= 0 && slot < SLOTS_MAX && (operation & ~0xff) === 0, 'user_data out of range')
  return (slot << 8) | operation
}

export const slotOf = (word: number): number => word >>> 8
export const operationOf = (word: number): number => word & 0xff
