/**
 * Goal: equal routes share an index, and identities tell all others apart, however many routes a
 * place has.
 */

import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Routes } from '../../src/config/plan/routes.ts'
import { runs } from '../support/full.ts'

const asked = fc.record({
  origin: fc.constantFrom('a tcp[0]', 'a tcp[1]'),
  destinations: fc.array(fc.record({ cluster: fc.nat(5), weight: fc.nat(1) }), {
    minLength: 1,
    maxLength: 2,
  }),
  how: fc.record({
    split: fc.constantFrom('random' as const, 'exact' as const),
    onDead: fc.constantFrom('fail' as const, 'redistribute' as const),
  }),
})

/** Two clusters each have one name: they differ in their policies. */
const nameOf = (cluster: number): string => `host-${cluster >> 1}:80`

test('each route is stored once, and numbered among those of the same name', () => {
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 60 }), list => {
      const routes = new Routes()
      const indexes = new Map<string, number>()
      const numbers = new Map<string, number>()
      for (const each of list) {
        const { origin, destinations, how } = each
        const key = JSON.stringify(each)
        const index = routes.indexOf(origin, destinations, how, nameOf)
        if (indexes.has(key)) equal(index, indexes.get(key))
        else {
          equal(index, indexes.size)
          indexes.set(key, index)
          const text = `${origin} ${destinations.map(({ cluster, weight }) => `${nameOf(cluster)}=${weight}`).join(' ')}`
          const number = (numbers.get(text) ?? 0) + 1
          numbers.set(text, number)
          equal(routes.list[index].identity, number === 1 ? text : `${text} #${number}`)
        }
      }
      equal(routes.list.length, indexes.size)
    }),
    { numRuns: runs(1000) },
  )
})
