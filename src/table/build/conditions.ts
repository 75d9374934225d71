/**
 * Source conditions: the conditions of rules on a client's workload, evaluated once for each
 * workload.
 *
 * Labels and namespaces are compared while the table is built; the data path tests one bit. Bit 0
 * is the empty condition, so every workload has it.
 */

import { own } from '../../base/own.ts'
import type { ColdWorkload } from '../format/cold.ts'
import { type SourceCondition, UNKNOWN_CLIENT } from '../plan/plan.ts'
import { isIdentity } from './identity.ts'

/** Words of a row with one bit for each of `bits` conditions. */
export const wordsFor = (bits: number): number => Math.ceil(bits / 32)

/**
 * Conditions, indexed by what they require: of 100 000, a workload is compared only with those that
 * require one of its labels, its namespace, or neither.
 */
export class Conditions {
  readonly #list: readonly SourceCondition[]
  /** Numbers of conditions by their index key. */
  readonly #byNeed = new Map<string, number[]>()

  constructor(list: readonly SourceCondition[]) {
    this.#list = list
    for (const [index, condition] of list.entries()) {
      this.#byNeed.getOrInsertComputed(needOf(condition), () => []).push(index)
    }
  }

  /** One bit for each condition that `workload` fulfils. */
  bitsOf(workload: ColdWorkload): Uint32Array {
    const bits = new Uint32Array(wordsFor(this.#list.length))
    this.visit(workload, index => {
      bits[index >>> 5] |= 1 << (index & 31)
    })
    return bits
  }

  /** Calls `found` with the number of each condition that `workload` fulfils, in no order. */
  visit(workload: ColdWorkload, found: (index: number) => void): void {
    const labels = Object.entries(workload.labels).map(([key, value]) => labelNeed(key, value))
    for (const need of [NO_NEED, namespaceNeed(workload.namespace), ...labels]) {
      for (const index of this.#byNeed.get(need) ?? []) {
        if (fulfils(workload, this.#list[index])) found(index)
      }
    }
  }
}

const NO_NEED = ''
const labelNeed = (key: string, value: string): string => `label ${key}=${value}`
const namespaceNeed = (namespace: string | null): string => `namespace ${namespace}`

function needOf({ labels, namespace }: SourceCondition): string {
  const [label] = Object.entries(labels)
  if (label) return labelNeed(...label)
  return namespace === null ? NO_NEED : namespaceNeed(namespace)
}

/** The numbers of the bits that are set, ascending. */
export function conditionList(bits: Uint32Array): number[] {
  const list: number[] = []
  for (const [word, value] of bits.entries()) {
    for (let rest = value; rest !== 0; rest &= rest - 1) list.push(word * 32 + 31 - Math.clz32(rest & -rest))
  }
  return list
}

function fulfils(
  workload: ColdWorkload,
  { namespace, labels, visibleTo, identity }: SourceCondition,
): boolean {
  if (identity && !isIdentity(workload, identity.of, identity.patterns)) return false
  if (namespace !== null && namespace !== workload.namespace) return false
  if (visibleTo !== null && !visibleTo.includes(workload.namespace ?? UNKNOWN_CLIENT)) return false
  return Object.entries(labels).every(([key, value]) => own(workload.labels, key) === value)
}
