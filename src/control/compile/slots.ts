/** The slots of the shared counts for one compilation, by what they count. */

import { NO_COUNTS, type SlotCounts, Slots } from '../../stats/counter-slots.ts'
import { openStats, policySlotCounts, type Stats, slotCounts, stickySlotCounts } from '../../stats/stats.ts'
import type { SlotOf } from '../../table/build/endpoint-rows.ts'
import { STICKY_SLOTS } from '../../table/match/sticky.ts'

/** Made by `createSlots`, and kept over compilations. */
export type SlotMemory = {
  readonly slots: SharedArrayBuffer
  /** The slots of policies' rules and of limits, which are many and counted apart. */
  readonly policySlots: SharedArrayBuffer
  /** Those of the clients of sticky splits, which are few. */
  readonly stickySlots: SharedArrayBuffer
  /**
   * The shared counts: a slot that still counts connections is not given to another. null before
   * workers run.
   */
  readonly stats: SharedArrayBuffer | null
}

/** What access.ts of table/build calls rules of policies, and limits. */
const POLICY = /^(?:policy|limit) /
/** What route-rows.ts of table/build calls the clients of a split. */
const STICKY = /^sticky /

/** @param generation  That of the table being built. */
export function slotsFor(
  { slots, policySlots, stickySlots, stats }: SlotMemory,
  generation: number,
): { readonly slotOf: SlotOf; readonly overflowed: () => number } {
  const counts = (of: (stats: Stats) => SlotCounts) => (stats ? of(openStats(stats)) : NO_COUNTS)
  const plain = new Slots(slots, generation, counts(slotCounts))
  const policies = new Slots(policySlots, generation, counts(policySlotCounts))
  const sticky = new Slots(stickySlots, generation, counts(stickySlotCounts), STICKY_SLOTS)
  return {
    slotOf: identity =>
      (POLICY.test(identity) ? policies : STICKY.test(identity) ? sticky : plain).slotOf(identity),
    overflowed: () => plain.overflowed + policies.overflowed,
  }
}
