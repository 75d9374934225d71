/**
 * Goal: comparing only the rules that may differ finds what comparing all of them finds, whatever
 * was added, removed, moved or changed.
 */

import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { differingRules } from '../../src/table/explain/differing-rules.ts'
import { type Pair, pairRules, type Worded, wordedRules } from '../../src/table/explain/pair-rules.ts'
import { readCold, type Table } from '../../src/table/format/table.ts'
import type { Plan, Rule } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import { rangeOf } from '../support/addresses.ts'
import { enoughRuns, runs } from '../support/full.ts'
import { tableOf } from '../support/tables.ts'

/** By its name a rule has conditions of its own; the rest may change. */
type Made = Pick<Rule, 'route' | 'port'> & {
  readonly name: number
  readonly asks: 'destination' | 'client' | 'names' | 'labels' | 'never'
  readonly of: string
}

const ruleOf = ({ name, asks, of, route, port }: Made, place: number): Rule => ({
  origin: { virtualService: of, block: 'tcp', route: place, match: null, file: 'a.yaml', line: place },
  destinations: asks === 'destination' ? [rangeOf(`10.0.${name}.0/24`), rangeOf('127.0.0.1/32')] : [],
  clients: asks === 'client' ? [rangeOf(`fd00::${name}/128`)] : [],
  ...(asks === 'names' && { names: [`n${name}.test`] }),
  source: { namespace: null, labels: asks === 'labels' ? { app: `${name}` } : {}, visibleTo: null },
  never: asks === 'never' ? `it is ${name}` : null,
  route,
  port,
})

const made = (name: number): fc.Arbitrary<Made> =>
  fc.record({
    name: fc.constant(name),
    asks: fc.constantFrom('destination', 'client', 'names', 'labels', 'never'),
    of: fc.constantFrom('default/a', 'default/b'),
    route: fc.nat(3),
    port: fc.constantFrom(0, 80),
  })

/** A list, and what became of it: mostly the same. */
const lists = fc.nat(11).chain(count => {
  const all = Array.from({ length: count + 1 }, (_, name) => made(name))
  const other = fc.record({ at: fc.nat(count), kind: fc.constantFrom('drop', 'other', 'first', 'last') })
  return fc.record({
    before: fc.tuple(...all),
    others: fc.tuple(...all),
    edits: fc.array(other, { maxLength: 3 }),
    isLess: fc.boolean(),
  })
})

type Edit = { readonly at: number; readonly kind: string }

function edited(list: readonly Made[], { at, kind }: Edit, others: readonly Made[]): readonly Made[] {
  const index = list.findIndex(each => each.name === at)
  if (index < 0) return list
  const rest = list.toSpliced(index, 1)
  if (kind === 'drop') return rest
  if (kind === 'other') return list.with(index, others[at])
  return kind === 'first' ? [list[index], ...rest] : [...rest, list[index]]
}

const HOSTS = ['a', 'b', 'c']

function tableFor(lists: readonly (readonly Made[])[], hosts: readonly string[]): Table {
  const plan: Plan = {
    listeners: lists.map((list, index) => ({
      gateway: `default/g${index}`,
      bind: '',
      port: 80 + index,
      opens: true,
      destination: 'local',
      otherwise: 'close',
      scopes: [{ host: '', port: 0, addresses: [], rules: list.map(ruleOf), defaultRoute: -1 }],
    })),
    routes: [0, 1, 2, 3].map(route => ({
      identity: `${route}`,
      destinations: [0, 1].map(one => ({ cluster: (route + one) % 3, weight: 1 + one * route })),
      split: route === 3 ? 'exact' : 'random',
    })),
    clusters: hosts.map(host => ({
      host,
      subset: null,
      port: 80,
      kind: 'static',
      names: [],
      labels: {},
      endpoints: [],
      policy: DEFAULT_POLICY,
    })),
    sources: [],
  }
  return tableOf(plan)
}

/** What has changed of a list, and how many rules moved. */
function changesOf(before: readonly Worded[], after: readonly Worded[]): [readonly Pair[], number] {
  const { pairs, reordered } = pairRules(before, after)
  return [pairs.filter(each => each.before?.text !== each.after?.text), reordered]
}

function compare(before: Table, after: Table): { all: unknown[]; some: unknown[]; left: number } {
  const [was, is] = [before, after].map(table => ({ table, cold: readCold(table) }))
  const [old, now] = [was, is].map(({ table, cold }) => wordedRules(table, cold))
  const keys = new Set([...old.keys(), ...now.keys()])
  const differing = differingRules(was, is)
  return {
    all: [...keys].map(key => changesOf(old.get(key) ?? [], now.get(key) ?? [])),
    some: differing.map(({ before, after }) => changesOf(before, after)),
    left: differing.reduce((sum, each) => sum + each.after.length, 0),
  }
}

test('what differs is found among the rules that may differ', () => {
  let [left, all] = [0, 0]
  fc.assert(
    fc.property(lists, fc.boolean(), ({ before, others, edits, isLess }, renamed) => {
      const after = edits.reduce<readonly Made[]>((list, edit) => edited(list, edit, others), before)
      const old = tableFor([before, others], HOSTS)
      const now = tableFor(isLess ? [after] : [after, others], renamed ? ['a', 'b', 'other'] : HOSTS)
      const found = compare(old, now)
      deepEqual(found.some, found.all)
      left += renamed ? 0 : found.left
      all += renamed ? 0 : after.length
    }),
    { numRuns: runs(2_000) },
  )
  if (enoughRuns) ok(left < all / 2, `${left} rules of ${all} were put in words`)
})

test('of equal rules, the one that was removed is told', () => {
  const [one, two]: Made[] = [1, 2].map(name => ({
    name,
    asks: 'client',
    of: 'default/a',
    route: 0,
    port: 0,
  }))
  const { some } = compare(tableFor([[one, two, one]], HOSTS), tableFor([[two, one]], HOSTS))
  const [[[removed], reordered]] = some as [[Pair[], number]]
  deepEqual([removed.before?.rule.route, removed.after, reordered], [0, null, 0])
})
