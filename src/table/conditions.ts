/**
 * Source conditions: what rules ask of a client's workload, answered once for each workload.
 *
 * Labels and namespaces are compared while the table is built; the data path tests one bit. Bit 0 is
 * the condition that asks for nothing, so every workload has it.
 */

import type { ColdWorkload } from './cold.ts'
import type { SourceCondition } from './plan.ts'

/** Words in a row that has one bit for each of `bits` conditions. */
export const wordsFor = (bits: number): number => Math.ceil(bits / 32)

/** One bit for each condition that `workload` fulfils. */
export function conditionBits(conditions: readonly SourceCondition[], workload: ColdWorkload): Uint32Array {
  const bits = new Uint32Array(wordsFor(conditions.length))
  for (const [index, condition] of conditions.entries()) {
    if (fulfils(workload, condition)) bits[index >>> 5] |= 1 << (index & 31)
  }
  return bits
}

/** The same as numbers, ascending. */
export function conditionList(bits: Uint32Array): number[] {
  const list: number[] = []
  for (const [word, value] of bits.entries()) {
    for (let rest = value; rest !== 0; rest &= rest - 1) list.push(word * 32 + 31 - Math.clz32(rest & -rest))
  }
  return list
}

function fulfils(workload: ColdWorkload, { namespace, labels, visibleTo }: SourceCondition): boolean {
  if (namespace !== null && namespace !== workload.namespace) return false
  if (visibleTo !== null && !(workload.namespace !== null && visibleTo.includes(workload.namespace)))
    return false
  return Object.entries(labels).every(([key, value]) => workload.labels[key] === value)
}
