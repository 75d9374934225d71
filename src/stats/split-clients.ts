/**
 * Which clients have come to a sticky split: for each one a bit for every bucket of addresses
 * (table/match/sticky.ts), in 4 KiB of shared memory.
 *
 * A bucket is drawn a destination once, when the table is built, and all connections of its clients
 * go there. So the draws that a split is judged by are the buckets that have come, each once: many
 * connections of one client are one draw, and so are clients of one bucket. Up to 32 768 draws are
 * counted exactly, with no estimate; 1 000 clients are 985 buckets on average.
 *
 * Workers set the bits as they pick.
 */

import { STICKY_SLOTS, CLIENT_WORDS as WORDS } from '../table/match/sticky.ts'

/** Words of all splits; only pages that are used take memory. */
export const CLIENTS_WORDS = STICKY_SLOTS * WORDS

/** Of a route: its slot, and whose turn each bucket is. */
export type StickySplit = { readonly slot: number; readonly turns: Uint16Array }

/** By destination, how many buckets have come; null: nobody counts them. */
export function countClients(
  clients: Int32Array,
  { slot, turns }: StickySplit,
  destinations: number,
): number[] | null {
  if (slot === 0) return null
  const counts = new Array<number>(destinations).fill(0)
  for (let word = 0; word < WORDS; word++) {
    let bits = clients[slot * WORDS + word]
    while (bits !== 0) {
      const bit = 31 - Math.clz32(bits)
      counts[turns[word * 32 + bit]]++
      bits &= ~(1 << bit)
    }
  }
  return counts
}

/** The slot is given to another split. */
export const clearClients = (clients: Int32Array, slot: number): void =>
  void clients.fill(0, slot * WORDS, (slot + 1) * WORDS)
