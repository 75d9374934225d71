/** A routing part in words, decoded once; new endpoints or clients parts do not change them. */

import { Conditions } from '../build/conditions.ts'
import type { Cold } from '../format/cold.ts'
import { readCold, type Table } from '../format/table.ts'
import type { RuleOrigin } from '../plan/plan.ts'

export class Words {
  readonly cold: Cold
  readonly conditions: Conditions
  /** By row: the place of a rule. */
  readonly rules: ReadonlyMap<number, RuleOrigin>
  readonly #routing: SharedArrayBuffer

  /** @param cold  The table's, if it is decoded already. */
  constructor(table: Table, cold: Cold = readCold(table)) {
    this.cold = cold
    this.conditions = new Conditions(cold.conditions)
    this.rules = new Map(
      cold.scopes.flatMap(({ rules }) =>
        rules.filter(each => each.row >= 0).map(({ row, origin }) => [row, origin] as const),
      ),
    )
    this.#routing = table.buffers.routing
  }

  /** Whether these are the words of `table`. */
  areOf({ buffers }: Table): boolean {
    return buffers.routing === this.#routing
  }
}
