/** How long the tables behind names are kept. */

import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Generations, TABLES_KEPT } from '../../src/stats/generations.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { planOf } from '../support/engine.ts'

test('a table stays by which a worker accepts while it is looked at whether anybody needs it', () => {
  const newest = TABLES_KEPT + 1
  /** Whose worker accepts by the oldest table, then adopts the newest, after the first look. */
  class Moving extends LiveConnections {
    #hasMoved = false

    #then<Value>(value: Value): Value {
      this.#hasMoved = true
      return value
    }

    override leastAdopted(): number {
      return this.#then(this.#hasMoved ? newest : 1)
    }

    override deciding(): ReadonlySet<number> {
      return this.#then(new Set(this.#hasMoved ? [1] : []))
    }
  }
  const generations = new Generations(new Moving([]))
  for (let generation = 1; generation <= newest; generation++)
    generations.add(buildTable(planOf([], []), generation, () => 0))
  generations.trim()
  ok(generations.table(1), 'a connection is to be decided by it')
})
