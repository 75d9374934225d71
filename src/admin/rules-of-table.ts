/** The rules of the table that is served, made once for each table: where there are many, that takes a while. */

import { inTurns } from '../base/turns.ts'
import type { Serving } from '../control/gateway.ts'
import { type RuleEntry, rulesOf } from '../control/observe/rules.ts'
import type { Table } from '../table/format/table.ts'
import { notServing } from './serving.ts'

export class RulesOfTable {
  #table: Table | null = null
  #rules: Promise<readonly RuleEntry[]> = Promise.resolve([])

  of({ table, generation, plane }: Serving): Promise<readonly RuleEntry[]> {
    if (this.#table !== table) {
      const cold = plane.observer.generations.cold(generation)
      if (cold === null) throw notServing()
      this.#table = table
      this.#rules = inTurns(rulesOf(table, cold))
    }
    return this.#rules
  }
}
