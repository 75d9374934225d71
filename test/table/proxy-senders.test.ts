/**
 * The peers that must send a PROXY header: the table's answer beside the Plan's, for random
 * listeners and addresses.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cidr, contains, parseAddress, parseCidr } from '../../src/address/address.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { Listener } from '../../src/table/format/routing-layout.ts'
import { openTable, type Table } from '../../src/table/format/table.ts'
import { judgePeer, Peer } from '../../src/table/match/proxy-senders.ts'
import type { ReadsProxy } from '../../src/table/plan/plan.ts'
import { runs } from '../support/full.ts'

const address = fc.oneof(
  fc.constantFrom(
    '10.0.0.1',
    '10.0.0.2',
    '10.0.1.1',
    '2001:db8::1',
    '2001:db8:0:0:8000::',
    '::ffff:10.0.0.1',
  ),
  fc.ipV4(),
  fc.ipV6(),
)
const range = fc
  .tuple(address, fc.nat({ max: 128 }))
  .map(([text, bits]) => parseCidr(`${text}/${Math.min(bits, text.includes(':') ? 128 : 32)}`))
  .filter(cidr => cidr !== null)
const reads = fc.record<ReadsProxy>({
  from: fc.array(range, { minLength: 1, maxLength: 40, size: 'max' }),
  require: fc.boolean(),
  versions: fc.constantFrom([1], [2], [1, 2]),
  timeoutMs: fc.integer({ min: 1, max: 60_000 }),
})

function tableOf(...all: readonly (ReadsProxy | null)[]): Table {
  const listeners = all.map((proxyProtocol, index) => ({
    gateway: index === 0 ? 'mesh' : 'default/gw',
    bind: '',
    port: 9000 + index,
    opens: true,
    destination: 'local' as const,
    scopes: [],
    otherwise: 'close' as const,
    ...(proxyProtocol && { proxyProtocol }),
  }))
  return openTable(buildTable({ listeners, routes: [], clusters: [], sources: [] }, 1, () => 0))
}

test('a peer must send a header exactly where a range of the listener holds its address', () => {
  const property = fc.property(
    fc.array(fc.option(reads), { minLength: 1, maxLength: 3 }),
    address,
    (all, text) => {
      const table = tableOf(...all)
      const { family, words } = parseAddress(text) ?? assert.fail(text)
      for (const [listener, reading] of all.entries()) {
        const isSender = reading?.from.some(each => contains(each, family, words)) === true
        const other = reading?.require === true ? Peer.untrusted : Peer.client
        assert.equal(judgePeer(table, listener, family, words), isSender ? Peer.sender : other)
      }
    },
  )
  fc.assert(property, { numRuns: runs(5_000) })
})

test('listeners with the same senders share a set, and any number of ranges is one walk', () => {
  const many = Array.from({ length: 20_000 }, (_, index) => {
    const [high, low] = [index >>> 8, index & 0xff]
    return parseCidr(index % 2 === 0 ? `10.${high}.${low}.0/24` : `2001:db8:${index.toString(16)}::/48`)
  }).filter(cidr => cidr !== null)
  const from = (ranges: readonly Cidr[]): ReadsProxy => ({
    from: ranges,
    require: true,
    versions: [1, 2],
    timeoutMs: 1_000,
  })
  const table = tableOf(from(many), from([...many, ...many].reverse()), from(many.slice(1)), null)
  assert.equal(table.addressSets.length, 2)
  const judged = (listener: number, text: string): number => {
    const { family, words } = parseAddress(text) ?? assert.fail(text)
    return judgePeer(table, listener, family, words)
  }
  for (const listener of [0, 1]) {
    assert.equal(judged(listener, '10.0.0.9'), Peer.sender)
    assert.equal(judged(listener, '10.0.1.9'), Peer.untrusted)
    assert.equal(judged(listener, '2001:db8:4e1f:1::1'), Peer.sender)
    assert.equal(judged(listener, '2001:db8:4e1e:1::1'), Peer.untrusted)
  }
  assert.equal(judged(2, '10.0.0.9'), Peer.untrusted)
  assert.equal(judged(3, '10.0.0.9'), Peer.client)
})

test('how a listener reads stands in its row', () => {
  const from = [parseCidr('10.0.0.0/8') ?? assert.fail()]
  const table = tableOf(null, { from, require: true, versions: [2], timeoutMs: 1_500 })
  const of = (listener: number, field: number) => table.listeners[listener * Listener.WORDS + field]
  assert.deepEqual([of(0, Listener.proxyVersions), of(1, Listener.proxyVersions)], [0, 2])
  assert.equal(of(1, Listener.proxyTimeoutMs), 1_500)
  assert.equal(of(1, Listener.readTimeoutMs), 15_000)
  assert.deepEqual([of(0, Listener.rulePort), of(1, Listener.rulePort)], [0, 9001])
})
