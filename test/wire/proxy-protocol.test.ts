/**
 * The PROXY protocol's readers and writers: headers by hand, and random ones in random pieces
 * beside a naive reader.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatAddress, parseInto } from '../../src/address/address.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import { BINARY_BYTES_MAX } from '../../src/wire/proxy-binary.ts'
import type { ProxyDetails } from '../../src/wire/proxy-details.ts'
import { createProxyHeader, INVALID, MORE, type ProxyHeader } from '../../src/wire/proxy-header.ts'
import { PROXY_WRITTEN_MAX, readProxyHeader, writeProxyHeader } from '../../src/wire/proxy-protocol.ts'
import { runs } from '../support/full.ts'
import { castagnoli, naiveProxy } from './naive-proxy.ts'

/** Bits of the versions that are taken. */
const [TEXT, BYTES, BOTH] = [1, 2, 3]

const SIGNATURE = '0d0a0d0a000d0a515549540a'
/** 192.0.2.7:56324 to 203.0.113.5:443. */
const IPV4 = 'c0000207cb007105dc0401bb'
const SAYS_IPV4 = '192.0.2.7 56324 203.0.113.5 443'
/** 2001:db8::7 and ::5, the same ports. */
const IPV6 = '20010db800000000000000000000000720010db8000000000000000000000005dc0401bb'
const SAYS_IPV6 = '2001:db8::7 56324 2001:db8::5 443'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** Version 2: command and version, family, then what the length counts. */
function binary(command: number, kind: number, block: string, length = block.length / 2): Buffer {
  const head = Buffer.from([command, kind, length >>> 8, length])
  return Buffer.concat([hex(SIGNATURE), head, hex(block)])
}

function says({ clientFamily, client, clientPort, ...header }: ProxyHeader): string {
  if (clientFamily === 0) return ''
  const { destinationFamily, destination, destinationPort } = header
  const to = formatAddress(destinationFamily === 4 ? 4 : 6, destination)
  return `${formatAddress(clientFamily, client)} ${clientPort} ${to} ${destinationPort}`
}

/**
 * The result for the pieces, as "bytes: addresses"; 'invalid', or 'more' if they are too few. With
 * each piece everything so far is read, from a buffer with other bytes before and behind it.
 */
function read(pieces: readonly Uint8Array[], versions = BOTH): string {
  const header = createProxyHeader()
  const all = Buffer.concat([Buffer.alloc(3, 0x50), ...pieces, Buffer.alloc(3, 0x0a)])
  let to = 3
  for (const piece of pieces) {
    to += piece.length
    const result = readProxyHeader(all, 3, to, versions, header)
    if (result === INVALID) return 'invalid'
    if (result !== MORE) return `${result}: ${says(header)}`
  }
  return 'more'
}

const whole = (bytes: Uint8Array): string => read([bytes])
const bytewise = (bytes: Uint8Array): string => read([...bytes].map(byte => Uint8Array.of(byte)))

function headerOf(client: string, clientPort: number, destination: string, port: number): ProxyHeader {
  const header = { ...createProxyHeader(), clientPort, destinationPort: port }
  header.clientFamily = parseInto(client, header.client, 0)
  header.destinationFamily = parseInto(destination, header.destination, 0)
  return header
}

function written(
  version: 1 | 2,
  header: ProxyHeader,
  authority = '',
  details: ProxyDetails | null = null,
): Buffer {
  const out = Buffer.alloc(PROXY_WRITTEN_MAX + 7, 0xaa)
  const length = writeProxyHeader(out, 5, version, header, authority, details)
  assert.ok(out.subarray(0, 5).every(byte => byte === 0xaa) && out[5 + length] === 0xaa)
  return out.subarray(5, 5 + length)
}

test('the checksum is CRC-32C', () => {
  const bytes = Buffer.from('123456789')
  assert.equal(crc32c(bytes, 0, bytes.length, bytes.length), 0xe3069283)
  assert.equal(castagnoli(bytes), 0xe3069283)
})

const TAKEN: Readonly<Record<string, readonly [header: Buffer, says: string]>> = {
  'binary, IPv4': [binary(0x21, 0x11, IPV4), SAYS_IPV4],
  'binary, IPv6': [binary(0x21, 0x21, IPV6), SAYS_IPV6],
  'binary, IPv4-mapped: it is IPv4': [
    binary(0x21, 0x21, '00000000000000000000ffffc000020700000000000000000000ffffcb007105dc0401bb'),
    SAYS_IPV4,
  ],
  'binary, LOCAL': [binary(0x20, 0x00, ''), ''],
  'binary, LOCAL with addresses, which count for nothing': [binary(0x20, 0x11, IPV4), ''],
  'binary, LOCAL with TLVs and no addresses, as AWS checks health': [binary(0x20, 0x00, 'ea0003013132'), ''],
  'binary, LOCAL of an unknown family': [binary(0x20, 0x41, 'ffff'), ''],
  'binary, PROXY of no family': [binary(0x21, 0x00, ''), ''],
  'binary, PROXY over UDP': [binary(0x21, 0x12, IPV4), ''],
  'binary, PROXY over a UNIX socket': [binary(0x21, 0x31, '61'.repeat(216)), ''],
  'binary, with the name of a server': [binary(0x21, 0x11, `${IPV4}020009612e6578616d706c65`), SAYS_IPV4],
  'binary, with an empty TLV': [binary(0x21, 0x11, `${IPV4}040000`), SAYS_IPV4],
  'binary, with its checksum': [binary(0x21, 0x11, `${IPV4}030004a5ae4457`), SAYS_IPV4],
  'text, IPv4': [Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\n'), SAYS_IPV4],
  'text, IPv6': [Buffer.from('PROXY TCP6 2001:db8::7 2001:DB8:0::5 56324 443\r\n'), SAYS_IPV6],
  'text, IPv4-mapped: it is IPv4': [
    Buffer.from('PROXY TCP6 ::ffff:192.0.2.7 ::ffff:203.0.113.5 56324 443\r\n'),
    SAYS_IPV4,
  ],
  'text, longest IPv6': [
    Buffer.from(`PROXY TCP6 ${'2fff:'.repeat(7)}ffff ${'2fff:'.repeat(7)}fffe 65535 65535\r\n`),
    `${'2fff:'.repeat(7)}ffff 65535 ${'2fff:'.repeat(7)}fffe 65535`,
  ],
  'text, UNKNOWN': [Buffer.from('PROXY UNKNOWN\r\n'), ''],
  'text, UNKNOWN with 107 bytes': [Buffer.from(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`), ''],
  'text, port 0': [Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 0 443\r\n'), '192.0.2.7 0 203.0.113.5 443'],
}

for (const [name, [header, addresses]] of Object.entries(TAKEN)) {
  test(`taken: ${name}`, () => {
    const expected = `${header.length}: ${addresses}`
    assert.equal(whole(header), expected)
    assert.equal(bytewise(header), expected)
    assert.equal(whole(Buffer.concat([header, Buffer.from('GET /')])), expected, 'with payload behind it')
    assert.equal(whole(Buffer.concat([header, header])), expected, 'a second header is payload')
    for (let length = 0; length < header.length; length++) {
      assert.equal(whole(header.subarray(0, length)), 'more', `the first ${length} bytes`)
    }
  })
}

const REFUSED: Readonly<Record<string, Buffer>> = {
  'binary, version 1': binary(0x11, 0x11, IPV4),
  'binary, command 2': binary(0x22, 0x11, IPV4),
  'binary, family 4': binary(0x21, 0x41, IPV4),
  'binary, IPv4 without a transport': binary(0x21, 0x10, IPV4),
  'binary, a transport without a family': binary(0x21, 0x01, IPV4),
  'binary, transport 3': binary(0x21, 0x13, IPV4),
  'binary, IPv4 in 11 bytes': binary(0x21, 0x11, IPV4.slice(2)),
  'binary, IPv6 in 35 bytes': binary(0x21, 0x21, IPV6.slice(2)),
  'binary, a UNIX socket in 215 bytes': binary(0x21, 0x31, '61'.repeat(215)),
  'binary, longer than the limit': binary(0x21, 0x11, IPV4, BINARY_BYTES_MAX - 15),
  'binary, the longest that can be said': binary(0x20, 0x00, '', 65_535),
  'binary, a TLV beyond the end': binary(0x21, 0x11, `${IPV4}02000a6162636465`),
  'binary, two bytes of a TLV': binary(0x21, 0x11, `${IPV4}0200`),
  'binary, one byte of a TLV': binary(0x21, 0x11, `${IPV4}02`),
  'binary, a checksum of 3 bytes': binary(0x21, 0x11, `${IPV4}030003a5ae44`),
  'binary, from a multicast address': binary(0x21, 0x11, `e0000001${IPV4.slice(8)}`),
  'binary, to 0.0.0.0': binary(0x21, 0x11, `${IPV4.slice(0, 8)}00000000${IPV4.slice(16)}`),
  'binary, to ::': binary(0x21, 0x21, `${IPV6.slice(0, 32)}${'0'.repeat(32)}${IPV6.slice(64)}`),
  'binary, to an IPv4-mapped 0.0.0.0': binary(
    0x21,
    0x21,
    `${IPV6.slice(0, 32)}00000000000000000000ffff00000000${IPV6.slice(64)}`,
  ),
  'text, two spaces': Buffer.from('PROXY TCP4  192.0.2.7 203.0.113.5 56324 443\r\n'),
  'text, a leading zero in an address': Buffer.from('PROXY TCP4 0192.0.2.7 203.0.113.5 56324 443\r\n'),
  'text, a leading zero in a port': Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 56324 080\r\n'),
  'text, port 65536': Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 65536 443\r\n'),
  'text, a port with a sign': Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 +1 443\r\n'),
  'text, an IPv6 address as TCP4': Buffer.from('PROXY TCP4 2001:db8::7 203.0.113.5 56324 443\r\n'),
  'text, an IPv4 address as TCP6': Buffer.from('PROXY TCP6 2001:db8::7 203.0.113.5 56324 443\r\n'),
  'text, a mapped address as TCP4': Buffer.from('PROXY TCP4 ::ffff:1.2.3.4 203.0.113.5 56324 443\r\n'),
  'text, a zone': Buffer.from('PROXY TCP6 fe80::1%eth0 2001:db8::5 56324 443\r\n'),
  'text, TCP5': Buffer.from('PROXY TCP5 192.0.2.7 203.0.113.5 56324 443\r\n'),
  'text, UNKNOWN with a tail': Buffer.from('PROXY UNKNOWNS\r\n'),
  'text, no addresses': Buffer.from('PROXY TCP4\r\n'),
  'text, one port': Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 56324\r\n'),
  'text, LF only': Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\n'),
  'text, CR only': Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\rX'),
  'text, lower case': Buffer.from('proxy TCP4 192.0.2.7 203.0.113.5 56324 443\r\n'),
  'text, a space before the end': Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 56324 443 \r\n'),
  'text, a tab': Buffer.from('PROXY TCP4\t192.0.2.7 203.0.113.5 56324 443\r\n'),
  'text, 108 bytes': Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`),
  'text, 107 bytes without an end': Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`),
  'text, CR as byte 107': Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r`),
  'text, from the broadcast address': Buffer.from('PROXY TCP4 255.255.255.255 203.0.113.5 1 2\r\n'),
  'no header': Buffer.from('GET / HTTP/1.1\r\n'),
}

for (const [name, header] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, () => {
    assert.equal(whole(header), 'invalid')
    assert.equal(bytewise(header), 'invalid')
    assert.equal(whole(Buffer.concat([header, Buffer.alloc(5000, 0x20)])), 'invalid')
  })
}

test('a flipped bit anywhere in a header with a checksum is noticed', () => {
  const right = binary(0x21, 0x11, `${IPV4}030004a5ae4457`)
  for (let bit = 16 * 8; bit < right.length * 8; bit++) {
    const wrong = Buffer.from(right)
    wrong[bit >>> 3] ^= 1 << (bit & 7)
    const isType = bit >>> 3 === 28 // another TLV then: there is no checksum
    if (!isType) assert.equal(whole(wrong), 'invalid', `bit ${bit}`)
  }
})

test('a refused beginning is known at once, not at the deadline', () => {
  const first = (bytes: Buffer): number => {
    for (let length = 1; length <= bytes.length; length++)
      if (whole(bytes.subarray(0, length)) === 'invalid') return length
    return -1
  }
  assert.equal(first(Buffer.from('GET / HTTP/1.1')), 1)
  assert.equal(first(Buffer.from('PROXY-AUTH x')), 6)
  assert.equal(first(binary(0x31, 0x11, IPV4)), 13)
  assert.equal(first(binary(0x21, 0x44, IPV4)), 14)
  assert.equal(first(binary(0x21, 0x11, IPV4, 65_535)), 16)
})

test('a version that the listener does not take is refused by its first byte', () => {
  const [text, bytes] = [TAKEN['text, IPv4'][0], TAKEN['binary, IPv4'][0]]
  assert.equal(read([text], TEXT), `${text.length}: ${SAYS_IPV4}`)
  assert.equal(read([text.subarray(0, 1)], BYTES), 'invalid')
  assert.equal(read([bytes], BYTES), `${bytes.length}: ${SAYS_IPV4}`)
  assert.equal(read([bytes.subarray(0, 1)], TEXT), 'invalid')
})

test('written: version 1', () => {
  const line = (header: ProxyHeader): string => written(1, header, 'a.example').toString('latin1')
  const ipv4 = headerOf('192.0.2.7', 56324, '203.0.113.5', 443)
  assert.equal(line(ipv4), 'PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\n')
  assert.equal(
    line(headerOf('2001:db8::7', 1, '2001:db8::5', 65535)),
    'PROXY TCP6 2001:db8::7 2001:db8::5 1 65535\r\n',
  )
  assert.equal(line(headerOf('192.0.2.7', 1, '2001:db8::5', 2)), 'PROXY UNKNOWN\r\n')
  assert.equal(line(createProxyHeader()), 'PROXY UNKNOWN\r\n')
})

test('written: version 2', () => {
  const bytes = (header: ProxyHeader, authority = ''): string => written(2, header, authority).toString('hex')
  const ipv4 = headerOf('192.0.2.7', 56324, '203.0.113.5', 443)
  assert.equal(bytes(ipv4), binary(0x21, 0x11, IPV4).toString('hex'))
  assert.equal(
    bytes(ipv4, 'a.example'),
    binary(0x21, 0x11, `${IPV4}020009612e6578616d706c65`).toString('hex'),
  )
  assert.equal(
    bytes(headerOf('2001:db8::7', 56324, '2001:db8::5', 443)),
    binary(0x21, 0x21, IPV6).toString('hex'),
  )
  assert.equal(
    bytes(headerOf('192.0.2.7', 56324, '2001:db8::5', 443)),
    binary(0x21, 0x21, `00000000000000000000ffffc0000207${IPV6.slice(32)}`).toString('hex'),
  )
  assert.equal(bytes(createProxyHeader()), binary(0x20, 0x00, '').toString('hex'))
  const [name, both] = ['a'.repeat(255), headerOf('2001:db8::7', 1, '2001:db8::5', 2)]
  const certificate = { commonName: name, verify: 0 }
  const tls = { version: name, cipher: name, certificate, isResumed: false }
  const all = { alpn: name, uniqueId: 'a'.repeat(128), tls, isChecked: true }
  const longest = written(2, both, name, all)
  assert.equal(longest.length, PROXY_WRITTEN_MAX)
  assert.equal(readProxyHeader(longest, 0, longest.length, 2, createProxyHeader()), longest.length)
  longest[20] ^= 1
  assert.equal(readProxyHeader(longest, 0, longest.length, 2, createProxyHeader()), INVALID)
  // A part of a name would be another name.
  const cut = {
    ...all,
    alpn: '',
    uniqueId: '',
    tls: { ...tls, certificate: { ...certificate, commonName: 'é'.repeat(128) } },
  }
  const without = { ...cut, tls: { ...tls, certificate: { ...certificate, commonName: '' } } }
  assert.deepEqual(written(2, both, '', cut), written(2, both, '', without))
})

const port = fc.nat({ max: 65535 })
const address = fc.oneof(fc.ipV4(), fc.ipV6())
const headers = fc.tuple(address, port, address, port).map(parts => headerOf(...parts))

test('what is written is read again', () => {
  const names = fc.stringMatching(/^[a-z0-9.-]{0,60}$/)
  const property = fc.property(headers, names, fc.boolean(), (header, name, isText) => {
    const bytes = written(isText ? 1 : 2, header, name)
    const isKnown = naiveProxy(bytes) !== null // not from or to a multicast address
    const isSaid = !isText || header.clientFamily === header.destinationFamily
    assert.equal(whole(bytes), isKnown ? `${bytes.length}: ${isSaid ? says(header) : ''}` : 'invalid')
  })
  fc.assert(property, { numRuns: runs(10_000) })
})

// ── random bytes in random pieces ──────────────────────────────────────────

const tlv = fc
  .tuple(fc.constantFrom(1, 2, 4, 5, 0x20, 0xea), fc.uint8Array({ maxLength: 40 }))
  .map(([type, value]) => Buffer.concat([Buffer.from([type, 0, value.length]), value]))

/** With TLVs, a checksum among them now and then, which is right. */
const binaries = fc
  .tuple(headers, fc.array(tlv, { maxLength: 4 }), fc.boolean())
  .map(([header, tlvs, isChecked]) => {
    const sum = isChecked ? [hex('03000400000000')] : []
    const bytes = Buffer.concat([written(2, header), ...tlvs, ...sum])
    bytes.writeUInt16BE(bytes.length - 16, 14)
    if (isChecked) bytes.writeUInt32BE(castagnoli(bytes), bytes.length - 4)
    return bytes
  })

const damage = fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { maxLength: 2 })
const streams = fc
  .tuple(
    fc.oneof(
      binaries,
      headers.map(header => Buffer.from(written(1, header))),
    ),
    damage,
    fc.uint8Array(),
  )
  .map(([header, changes, payload]) => {
    const bytes = Buffer.concat([header, payload])
    for (const [at, byte] of changes) if (at < header.length) bytes[at] = byte
    return bytes
  })

const cuts = fc.array(fc.nat({ max: 150 }), { maxLength: 12 })
/** Of one stream, so that 10 times as many inputs are tried as streams are made. */
const CUTS_EACH = 10

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.filter(place => place < bytes.length).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((to, index) => bytes.subarray(at[index], to))
}

test('however a stream is cut and damaged, the readers say what the naive one says', () => {
  const ways = fc.array(cuts, { minLength: CUTS_EACH, maxLength: CUTS_EACH })
  const property = fc.property(streams, ways, (bytes, ways) => {
    const naive = naiveProxy(bytes)
    const expected = naive && `${naive.bytes}: ${naive.says}`
    for (const places of ways) {
      const found = read(cut(bytes, places))
      if (expected !== null) assert.equal(found, expected)
      else assert.ok(found === 'invalid' || found === 'more', found)
    }
  })
  fc.assert(property, { numRuns: runs(50_000) })
})

test('what is invalid stays so, whatever follows; what is a header stays one', () => {
  const header = createProxyHeader()
  const property = fc.property(streams, fc.uint8Array({ minLength: 1 }), (bytes, more) => {
    let before = MORE
    const longer = Buffer.concat([bytes, more])
    for (let length = 0; length <= longer.length; length++) {
      const found = readProxyHeader(longer, 0, length, BOTH, header)
      assert.ok(before === MORE || found === before)
      assert.ok(found <= length)
      before = found
    }
  })
  fc.assert(property, { numRuns: runs(10_000) })
})
