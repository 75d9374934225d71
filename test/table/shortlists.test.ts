import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addToChain, type Chain, createChain } from '../../src/table/build/chains.ts'
import { spansOf } from '../../src/table/build/node-set.ts'
import { isComplete, Shortlists } from '../../src/table/build/shortlists.ts'
import { SHORTLIST_MAX } from '../../src/table/format/classifier-layout.ts'
import { ANY_NODE } from '../../src/table/match/find-node.ts'
import { runs } from '../support/full.ts'

const NODES = 7

/** By node its parent: nodes are numbered each before those inside it. Node 0 is ANY_NODE. */
const tree = fc.array(fc.nat(3), { minLength: NODES - 1, maxLength: NODES - 1 }).map(ups => {
  const parents = [ANY_NODE]
  for (const [last, up] of ups.entries()) {
    const open = around(parents, last)
    parents.push(open[Math.min(up, open.length - 1)])
  }
  return Uint32Array.from(parents)
})

type Rule = { port: number; destination: number; client: number; condition: number }
const rule: fc.Arbitrary<Rule> = fc.record({
  port: fc.constantFrom(0, 80),
  destination: fc.oneof(fc.constant(ANY_NODE), fc.nat(NODES - 1)),
  client: fc.oneof(
    { weight: 3, arbitrary: fc.constant(ANY_NODE) },
    { weight: 1, arbitrary: fc.nat(NODES - 1) },
  ),
  condition: fc.oneof(
    { weight: 1, arbitrary: fc.constant(0) },
    { weight: 30, arbitrary: fc.integer({ min: 1, max: 40 }) },
  ),
})

/** The node, those around it, and ANY_NODE. */
function around(parents: ArrayLike<number>, node: number): number[] {
  return node === ANY_NODE ? [ANY_NODE] : [node, ...around(parents, parents[node])]
}

test('those inside a node, and no others, are the next so many', () => {
  fc.assert(
    fc.property(tree, parents => {
      const spans = spansOf(parents)
      for (let outer = 0; outer < NODES; outer++) {
        for (let node = 0; node < NODES; node++) {
          const isInside = node >= outer && node <= outer + spans[outer]
          assert.equal(isInside, around(parents, node).includes(outer))
        }
      }
    }),
  )
})

test('what a shortlist leaves out below its limit, an earlier rule on it takes', t => {
  const seen = { complete: 0, cut: 0, needless: 0, needed: 0 }
  const count = runs(1500)
  fc.assert(
    fc.property(
      tree,
      tree,
      fc.array(rule, { maxLength: 200, size: 'max' }),
      (destinations, clients, rules) => {
        const spans = spansOf(clients)
        const chains = new Map([0, 80].map((port, row): [number, Chain] => [port, createChain(row, 0, port)]))
        for (const [row, { port, destination, client, condition }] of rules.entries()) {
          addToChain(chains.get(port) as Chain, destination, client, { condition, row, route: row })
        }
        const anyPort = new Shortlists(chains.get(0) as Chain, null, destinations, spans)
        const named = new Shortlists(chains.get(80) as Chain, anyPort, destinations, spans)
        for (const [shortlists, ports] of [
          [anyPort, [0]],
          [named, [0, 80]],
        ] as const) {
          for (let node = 0; node < NODES; node++) {
            const { candidates, limit } = shortlists.at(node)
            const places = around(destinations, node)
            const listed = candidates.map(each => each.row)
            assert.ok(listed.length <= SHORTLIST_MAX && listed.every(row => row < limit))
            assert.deepEqual(
              listed,
              listed.toSorted((a, b) => a - b),
            )
            for (const [row, each] of rules.entries()) {
              const applies =
                places.includes(each.destination) && (ports as readonly number[]).includes(each.port)
              if (listed.includes(row)) assert.ok(applies, `rule ${row} is for another place`)
              else if (applies && row < limit)
                assert.ok(
                  listed.some(before => before < row && takes(clients, rules[before], each)),
                  `rule ${row} was lost`,
                )
            }
            const own = [...rules.keys()].filter(
              row => rules[row].destination === node && rules[row].port === ports[ports.length - 1],
            )
            const isTaken = (row: number): boolean =>
              listed.some(before => before < row && takes(clients, rules[before], rules[row]))
            if (own.length > 0) {
              const isNeedless = shortlists.isNeedless(node)
              assert.equal(isNeedless, isComplete({ candidates, limit }) && own.every(isTaken))
              seen[isNeedless ? 'needless' : 'needed']++
            }
            const isShort = rules.length <= SHORTLIST_MAX
            if (isShort) assert.ok(isComplete({ candidates, limit }))
            seen[isComplete({ candidates, limit }) ? 'complete' : 'cut']++
          }
        }
      },
    ),
    { numRuns: count },
  )
  t.diagnostic(`${seen.complete} complete, ${seen.cut} cut`)
  t.diagnostic(`${seen.needless} are needless, ${seen.needed} are not`)
  assert.ok(Math.min(...Object.values(seen)) > count / 2, 'the generator must make all kinds')
})

/** Whether `before` takes every connection that `rule` would, at a place for both. */
const takes = (clients: Uint32Array, before: Rule, rule: Rule): boolean =>
  (before.condition === 0 || before.condition === rule.condition) &&
  around(clients, rule.client).includes(before.client)
