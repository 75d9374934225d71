/** The rules of the table that is served, made once for each table: where there are many, that takes a while. */

import { type RuleEntry, rulesOf } from '../control/rules.ts'
import type { Table } from '../table/table.ts'

export class RulesOfTable {
  #table: Table | null = null
  #rules: readonly RuleEntry[] = []

  of(table: Table): readonly RuleEntry[] {
    if (this.#table !== table) {
      this.#table = table
      this.#rules = rulesOf(table)
    }
    return this.#rules
  }
}
