import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  contains,
  formatAddress,
  formatCidr,
  formatEndpoint,
  parseAddress,
  parseCidr,
  splitEndpoint,
} from '../../src/address/address.ts'
import { runs } from '../support/full.ts'

const spell = (text: string): string | null => {
  const address = parseAddress(text)
  return address && formatAddress(address.family, address.words)
}

test('an address is read as Go reads it: no leading zeros, spaces or short forms', () => {
  const refused = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '0x7f.1',
    '1.2.3.',
  ]
  refused.push(
    '1..2.3',
    '.1.2.3',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '::1%',
    'a',
    '2130706433',
    '::1.2.3',
    '::01.2.3.4',
  )
  for (const text of refused) assert.equal(spell(text), null, text)
})

test('an address is spelt the shortest usual way', () => {
  assert.equal(spell('255.255.255.255'), '255.255.255.255')
  assert.equal(spell('2001:DB8:0:0:0:0:0:9'), '2001:db8::9')
  assert.equal(spell('::'), '::')
  assert.equal(spell('fe80::1%eth0'), 'fe80::1')
})

test('an IPv4-mapped address is the IPv4 address', () => {
  assert.equal(spell('::ffff:10.0.0.1'), '10.0.0.1')
  assert.equal(spell('::ffff:a00:1'), '10.0.0.1')
  assert.equal(parseCidr('::ffff:10.0.0.0/104')?.bits, 8)
  assert.equal(parseCidr('::ffff:10.0.0.0/90'), null)
})

test('a prefix drops its host bits; a bare address is a whole prefix', () => {
  assert.equal(formatCidr(parseCidr('10.1.2.77/24') as never), '10.1.2.0/24')
  assert.equal(formatCidr(parseCidr('10.1.2.77') as never), '10.1.2.77/32')
  assert.equal(formatCidr(parseCidr('2001:db8:ffff::/33') as never), '2001:db8:8000::/33')
  assert.equal(formatCidr(parseCidr('::/0') as never), '::/0')
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/08',
    '::/129',
    '::1%lo/128',
    '/8',
    '10.0.0.0/8/8',
  ]) {
    assert.equal(parseCidr(text), null, text)
  }
})

test('an endpoint is written and split with brackets around IPv6', () => {
  assert.equal(formatEndpoint('::1', 80), '[::1]:80')
  assert.deepEqual(splitEndpoint('[::1]:80'), { address: '::1', port: 80 })
  assert.deepEqual(splitEndpoint('::1'), { address: '::1', port: -1 })
  assert.deepEqual(splitEndpoint('10.0.0.1:65535'), { address: '10.0.0.1', port: 65535 })
  for (const text of ['10.0.0.1:65536', '[::1]80', '[]:1', 'host:1', ''])
    assert.equal(splitEndpoint(text), null, text)
})

test('what Node takes for an address is read alike, and written back the same', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 12 })), text => {
      const address = parseAddress(text)
      assert.equal(address !== null, isIP(text) !== 0 && !text.includes('%'), text)
      if (address === null) return
      const again = parseAddress(formatAddress(address.family, address.words))
      assert.deepEqual(again, address)
    }),
    { numRuns: runs(2000) },
  )
})

test('contains agrees with Node on random prefixes and addresses', () => {
  const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), fc.constant('ipv4' as const))
  const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.ipV6(), fc.constant('ipv6' as const))
  const near = fc.tuple(fc.oneof(v4, v6), fc.boolean())
  fc.assert(
    fc.property(near, ([[net, bits, other, family], same]) => {
      const text = same ? net : other
      const cidr = parseCidr(`${net}/${bits}`)
      const address = parseAddress(text)
      if (cidr === null || address === null || cidr.bits !== bits) return // a mapped one: another family for Node
      const list = new BlockList()
      list.addSubnet(net, bits, family)
      assert.equal(contains(cidr, address.family, address.words), list.check(text, family))
    }),
    { numRuns: runs(2000) },
  )
})
