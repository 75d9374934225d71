/** How long the tables behind names are kept. */

import { deepEqual, ok } from 'node:assert/strict'
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

test('of large tables fewer are kept, but always the newest two', () => {
  const bytes = buildTable(planOf([], []), 1, () => 0).routing.byteLength
  for (const [most, kept] of [
    [0, [5, 6]],
    [4 * bytes - 1, [4, 5, 6]],
    [4 * bytes, [3, 4, 5, 6]],
  ] as const) {
    const generations = new Generations(new LiveConnections([]))
    for (let generation = 1; generation <= 6; generation++)
      generations.add(buildTable(planOf([], []), generation, () => 0))
    generations.trim(most)
    const left = [1, 2, 3, 4, 5, 6].filter(each => generations.table(each) !== null)
    deepEqual(left, kept)
  }
})
