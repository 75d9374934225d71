/**
 * Goal: consistent hashing gives each endpoint its share, moves as few clients as can be, and says
 * the same everywhere. Method: many addresses against tables of random endpoints; a naive model
 * walks the same places one by one. Seeds are fixed, so the shares are, too.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseInto } from '../../src/address/address.ts'
import { createRandom, nextU32 } from '../../src/base/random.ts'
import { rowRulesOf } from '../../src/table/build/endpoint-rows.ts'
import { changeEndpoints } from '../../src/table/build/endpoints.ts'
import { hashWordCount, MAGLEV_SIZE_MAX, RING_POINTS_MAX } from '../../src/table/build/hash-table.ts'
import { runOf } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { Balance } from '../../src/table/format/routing-layout.ts'
import { endpointsOf } from '../../src/table/format/rows.ts'
import { readCold, type Table, withEndpoints } from '../../src/table/format/table.ts'
import { clientHash, NOBODY, ownerAmong, ownerOf } from '../../src/table/match/hashed.ts'
import type { Policy } from '../../src/table/plan/policy.ts'
import { clusterOf, planOf } from '../support/engine.ts'
import { tableOf } from '../support/tables.ts'

const KINDS = [
  ['RING_HASH', 1024],
  ['MAGLEV', 65_537],
] as const

type Way = (typeof KINDS)[number]
type Target = { readonly address: string; readonly port: number; readonly weight: number }

const target = (host: number, weight = 1): Target => ({
  address: `10.1.${host >> 8}.${host & 255}`,
  port: 5432,
  weight,
})
const targets = (count: number): Target[] => Array.from({ length: count }, (_, host) => target(host))

const clusterFor = ([balance, hashSize]: readonly [Policy['balance'], number], list: readonly Target[]) =>
  clusterOf(list, { balance, hashSize })

const tableFor = (way: readonly [Policy['balance'], number], list: readonly Target[]): Table =>
  tableOf(planOf([], [clusterFor(way, list)]))

/** Clients of one network, of many, and of IPv6. */
function clientsOf(count: number): Uint32Array[] {
  const random = createRandom(7, 7, 7)
  return Array.from({ length: count }, (_, index) => {
    const words = new Uint32Array(4)
    if (index % 3 === 0) words[0] = 0x0a640000 + index
    else if (index % 3 === 1) words[0] = nextU32(random)
    else parseInto(`2001:db8:${(index >> 8).toString(16)}::${index.toString(16)}`, words, 0)
    return words
  })
}

const CLIENTS = clientsOf(30_000)

function rowFor(table: Table, [balance]: Way, client: Uint32Array, tried: readonly number[] = []): number {
  return ownerOf(table.endpoints, runOf(table, 0), Balance[balance], clientHash(client), tried)
}

/** The endpoint of each client, as text. */
function ownersOf(table: Table, way: Way, without: readonly string[] = []): string[] {
  const names = endpointsOf(table, readCold(table), 0)
  const first = table.endpoints[runOf(table, 0) + EndpointRun.first]
  const tried = without.map(name => first + names.indexOf(name))
  return CLIENTS.map(client => names[rowFor(table, way, client, tried) - first])
}

const countsOf = (owners: readonly string[]): Map<string, number> =>
  new Map([...Map.groupBy(owners, each => each)].map(([name, all]) => [name, all.length]))

/** How many clients go elsewhere, of those whose endpoint is in neither list only. */
const moved = (before: readonly string[], after: readonly string[]): number =>
  before.filter((each, index) => each !== after[index]).length

for (const way of KINDS) {
  const [kind] = way

  test(`${kind}: equal endpoints have equal shares, about`, () => {
    for (const count of [2, 10, 50]) {
      const even = CLIENTS.length / count
      for (const each of countsOf(ownersOf(tableFor(way, targets(count)), way)).values())
        assert.ok(Math.abs(each - even) < even * (kind === 'MAGLEV' ? 0.15 : 0.3), `${each} of ${even}`)
    }
  })

  test(`${kind}: weights are respected`, () => {
    const list = [target(1, 1), target(2, 2), target(3, 5), target(4, 12)]
    const counts = countsOf(ownersOf(tableFor(way, list), way))
    for (const { address, port, weight } of list) {
      const share = (counts.get(`${address}:${port}`) ?? 0) / CLIENTS.length
      const error = Math.abs(share / (weight / 20) - 1)
      assert.ok(error < (kind === 'MAGLEV' ? 0.1 : 0.35), `${weight}: ${share} is off by ${error}`)
    }
  })

  test(`${kind}: an endpoint that comes or goes moves its own clients, and hardly anybody else`, () => {
    for (const count of [3, 10, 16, 40]) {
      const owners = ownersOf(tableFor(way, targets(count)), way)
      const more = ownersOf(tableFor(way, targets(count + 1)), way)
      const { address, port } = target(count)
      const toNew = more.filter(each => each === `${address}:${port}`).length
      const others = moved(owners, more) - toNew
      assert.ok(toNew < (CLIENTS.length / (count + 1)) * 1.3)
      // A ring moves nobody else; Maglev trades a few (NSDI 2016, §5.3) for even shares.
      assert.ok(others <= (kind === 'MAGLEV' ? CLIENTS.length * 0.04 : 0), `${others} others of ${count}`)
    }
  })

  test(`${kind}: an endpoint that is out moves its own clients only, and they come back`, () => {
    const table = tableFor(way, targets(10))
    const owners = ownersOf(table, way)
    const without = ownersOf(table, way, ['10.1.0.3:5432'])
    const lost = owners.filter(each => each === '10.1.0.3:5432').length
    assert.equal(moved(owners, without), lost)
    const share = Math.max(...countsOf(without.filter((_, at) => owners[at] === '10.1.0.3:5432')).values())
    assert.ok(share < lost / 3, `one endpoint gets ${share} of the ${lost}`)
    assert.deepEqual(ownersOf(table, way), owners)
  })

  test(`${kind}: the order of endpoints, other destinations and later revisions change nothing`, () => {
    const list = targets(12)
    const owners = ownersOf(tableFor(way, list), way)
    assert.deepEqual(ownersOf(tableFor(way, list.toReversed()), way), owners)
    const cluster = clusterFor(way, list)
    const beside = tableOf(planOf([], [cluster, clusterOf(targets(3)), clusterFor(way, targets(5))]))
    assert.deepEqual(ownersOf(beside, way), owners)
    const rules = new Map([[0, rowRulesOf(cluster)]])
    let table = tableFor(way, targets(4))
    for (let round = 0; round < 8; round++) {
      const now = round === 7 ? list : targets(5 + round)
      table = withEndpoints(
        table,
        changeEndpoints(table, new Map([[0, now]]), () => 1, rules),
      )
    }
    assert.deepEqual(ownersOf(table, way), owners)
  })

  test(`${kind}: a client's port does not matter, and any address finds an endpoint`, () => {
    const endpoint = fc.record({
      host: fc.nat(5),
      weight: fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 2 ** 31 - 1 })),
    })
    const lists = fc.array(endpoint, { minLength: 1, maxLength: 9 })
    const client = fc.uint32Array({ minLength: 4, maxLength: 4 })
    const sizes = fc.constantFrom(...(kind === 'MAGLEV' ? [1, 2, 3, 7, 31, 251] : [1, 2, 10, 64, 257]))
    const property = fc.property(lists, client, sizes, fc.nat(511), (list, words, size, mask) => {
      const all = list.map(({ host, weight }) => target(host, weight + 1))
      const table = tableFor([kind, size], all)
      const run = runOf(table, 0)
      const first = table.endpoints[run + EndpointRun.first]
      const rows = all.map((_, index) => first + index)
      const tried = rows.filter((_, index) => (mask >> index) & 1)
      const left = new Set(rows.filter(row => !tried.includes(row)))
      const owner = rowFor(table, [kind, size] as unknown as Way, words, tried)
      assert.equal(owner, naiveOwner(table, kind, clientHash(words), left))
      assert.equal(ownerAmong(table.endpoints, run, Balance[kind], clientHash(words), left), owner)
      if (owner !== NOBODY) assert.ok(left.has(owner))
    })
    fc.assert(property, { numRuns: 150 })
  })
}

/** The same by a walk over plain values: the places in order, from the first one of the hash. */
function naiveOwner(table: Table, kind: Way[0], hash: number, left: ReadonlySet<number>): number {
  const run = runOf(table, 0)
  const [first, count] = table.endpoints.subarray(run, run + 2)
  const at = (first + count) * Endpoint.WORDS
  const size = table.endpoints[at]
  const words = [...table.endpoints.subarray(at, at + 1 + 2 * size)]
  const places =
    kind === 'MAGLEV'
      ? words.slice(1, 1 + size).map((owner, place) => ({ point: place, owner }))
      : words.slice(1, 1 + size).map((point, place) => ({ point, owner: words[1 + size + place] }))
  const from = kind === 'MAGLEV' ? hash % size : hash
  const before = places.findIndex(({ point }) => point >= from)
  const start = Math.max(before, 0)
  const turned = [...places.slice(start), ...places.slice(0, start)]
  const found = turned.find(({ owner }) => left.has(first + owner))
  return found === undefined ? NOBODY : first + found.owner
}

test('the size of a table is as stated, and bounded', () => {
  const many = Array.from({ length: 5_000 }, () => 1)
  assert.equal(hashWordCount([1, 1], { kind: 'RING_HASH', size: 1024 }), 1 + 2 * 1024)
  assert.equal(hashWordCount(Array(10).fill(1), { kind: 'RING_HASH', size: 1024 }), 1 + 2 * 10 * 512)
  assert.equal(hashWordCount([], { kind: 'RING_HASH', size: 1024 }), 0)
  for (const weights of [many, [1, 1_000_000], [1, 1, 2 ** 31]]) {
    const words = hashWordCount(weights, { kind: 'RING_HASH', size: RING_POINTS_MAX })
    assert.ok(words <= 1 + 2 * (RING_POINTS_MAX + weights.length), `${words}`)
  }
  assert.equal(hashWordCount([1, 9], { kind: 'MAGLEV', size: MAGLEV_SIZE_MAX }), 1 + MAGLEV_SIZE_MAX)
  const table = tableFor(['MAGLEV', 251], targets(3))
  assert.equal(table.endpoints[runOf(table, 0) + EndpointRun.table], 256)
})
