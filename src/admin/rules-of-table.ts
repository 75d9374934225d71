/** The rules of the served table, built once for each routing part: many rules take a while. */

import { inTurns } from '../base/turns.ts'
import { type Rules, rulesOf } from '../control/observe/rules.ts'
import type { Serving } from '../control/publisher.ts'
import { notServing } from './serving.ts'

export class RulesOfTable {
  #routing: SharedArrayBuffer | null = null
  #rules: Promise<Rules> = Promise.resolve({ entries: [], chances: 0 })

  of({ table, generation, plane }: Serving): Promise<Rules> {
    if (this.#routing !== table.buffers.routing) {
      const cold = plane.observer.generations.cold(generation)
      if (cold === null) throw notServing()
      this.#routing = table.buffers.routing
      this.#rules = inTurns(rulesOf(table, cold))
    }
    return this.#rules
  }
}
