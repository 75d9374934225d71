/**
 * ClientHellos: a real one, ones by hand, and random ones in random records and pieces.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { HelloReader } from '../../src/wire/client-hello.ts'
import { HELLO_BYTES_MAX, Hello } from '../../src/wire/hello-message.ts'
import { runs } from '../support/full.ts'
import { alpn, extension, hello, hex, host, record, records, serverName, vector } from '../support/hello.ts'

/** The result's name, or "name protocols" of a whole hello. */
function read(pieces: readonly Uint8Array[]): string {
  const reader = new HelloReader()
  for (const piece of pieces) {
    const result = reader.read(piece, 0, piece.length)
    if (result === Hello.whole) return [`"${reader.hints.serverName}"`, ...reader.hints.protocols].join(' ')
    if (result !== Hello.more) return Object.entries(Hello).find(([, value]) => value === result)?.[0] ?? ''
  }
  return 'more'
}

const whole = (bytes: Uint8Array): string => read([bytes])
const bytewise = (bytes: Uint8Array): string => read([...bytes].map(byte => Uint8Array.of(byte)))

function found(bytes: Buffer): string {
  assert.equal(bytewise(bytes), whole(bytes))
  return whole(bytes)
}

const NAMED = serverName(host('shop.example'))
const GREASE = extension(0x1a1a, hex('00'))

test('a real client: the name and the protocols, whole and byte by byte', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect({ host: '127.0.0.1', port, servername: 'Shop.Example', ALPNProtocols: ['h2', 'pg'] })
  client.on('error', () => {})
  const [socket] = await accepted
  const pieces: Buffer[] = []
  while (read(pieces) === 'more') pieces.push((await once(socket, 'data'))[0])
  assert.equal(found(Buffer.concat(pieces)), '"shop.example" h2 pg')
  client.destroy()
  socket.destroy()
  server.close()
})

test('a name: in lower case, without the dot at its end, wherever the extension stands', () => {
  const key = extension(51, Buffer.alloc(1300)) // as large as a post-quantum one
  assert.equal(found(record(hello([NAMED]))), '"shop.example"')
  assert.equal(found(record(hello([GREASE, key, alpn('h2'), NAMED]))), '"shop.example" h2')
  assert.equal(found(record(hello([serverName(host('SHOP.Example.'))]))), '"shop.example"')
  assert.equal(found(record(hello([serverName(host('a_b-1.example'))]))), '"a_b-1.example"')
  assert.equal(found(record(hello([serverName(host('a'.repeat(255)))]))), `"${'a'.repeat(255)}"`)
  const outer = extension(0xfe0d, Buffer.alloc(200)) // encrypted_client_hello
  assert.equal(found(record(hello([outer, serverName(host('public.example'))]))), '"public.example"')
  const other = Buffer.concat([hex('05'), vector(2, hex('ff'))])
  assert.equal(found(record(hello([serverName(other, host('shop.example'))]))), '"shop.example"')
})

test('no name: without the extension, and without any', () => {
  assert.equal(found(record(hello([GREASE]))), '""')
  assert.equal(found(record(hello([]))), '""')
  assert.equal(found(record(hello(null))), '""')
  assert.equal(found(record(hello([alpn('http/1.1', '\x8a\x8a')]))), '"" http/1.1 \x8a\x8a')
})

test('any part of a hello is the beginning of one, never one without a name', () => {
  const bytes = records(hello([GREASE, NAMED]), 40)
  for (let length = 0; length < bytes.length; length++) assert.equal(whole(bytes.subarray(0, length)), 'more')
})

test('a hello in many records, cut anywhere, is that hello', () => {
  const message = hello([GREASE, alpn('h2'), NAMED])
  for (const size of [1, 2, 3, 4, 5, 50, message.length - 1, message.length]) {
    assert.equal(found(records(message, size)), '"shop.example" h2', `records of ${size} bytes`)
  }
  const behind = record(Buffer.from('early data'), 23)
  assert.equal(found(Buffer.concat([records(message, 60), behind])), '"shop.example" h2')
})

test('another protocol is told by its first bytes', () => {
  for (const text of [
    'GET / HTTP/1.1\r\n',
    'SSH-2.0-x\r\n',
    'EHLO x\r\n',
    '\0\0\0\x08',
    '\x15\x03\x01\0\x02',
  ])
    assert.equal(found(Buffer.from(text, 'latin1')), 'notTls', text)
  assert.equal(found(hex('16 02')), 'notTls')
  assert.equal(found(hex('80 00 00 28 00 00')), 'notTls', 'a record mark of ONC RPC')
  assert.equal(found(hex('80 2e 01 07 07')), 'notTls')
})

test('the framing of SSL 2 is told apart', () => {
  assert.equal(found(hex('80 2e 01 00 02 0015 0000 0010')), 'ssl2')
  assert.equal(found(hex('80 2e 01 03 01 0015 0000 0010')), 'ssl2')
  assert.equal(found(hex('80 2e 01 03')), 'more')
})

const plain = hello([NAMED])
const MALFORMED: Readonly<Record<string, Buffer>> = {
  'an empty record': Buffer.concat([record(plain.subarray(0, 10)), record(Buffer.alloc(0))]),
  'a record over 2^14 bytes': hex('160301 4001 01'),
  'another message': record(Buffer.concat([hex('02'), plain.subarray(1)])),
  'an alert between': Buffer.concat([record(plain.subarray(0, 10)), record(hex('0100'), 21)]),
  'a session of 33 bytes': record(hello([NAMED], { session: Buffer.alloc(33) })),
  'no ciphers': record(hello([NAMED], { ciphers: Buffer.alloc(0) })),
  'half a cipher': record(hello([NAMED], { ciphers: hex('1301 13') })),
  'no compression': record(hello([NAMED], { compressions: Buffer.alloc(0) })),
  'something behind the extensions': record(hello([NAMED], { tail: hex('00') })),
  'half an extension': record(hello([NAMED, hex('0010 00')])),
  'an extension that is too long': record(hello([hex('1a1a 0005 00')])),
  'a message that ends in its random': record(Buffer.concat([hex('01'), vector(3, Buffer.alloc(20))])),
  'an empty server_name': record(hello([extension(0)])),
  'no entry': record(hello([serverName()])),
  'no host among the entries': record(hello([serverName(hex('01 0001 61'))])),
  'an empty host': record(hello([serverName(host(''))])),
  'a dot only': record(hello([serverName(host('.'))])),
  'two hosts': record(hello([serverName(host('a.example'), host('b.example'))])),
  'two server_names': record(hello([NAMED, NAMED])),
  'a list shorter than its extension': record(hello([extension(0, vector(2, host('a.example')), hex('00'))])),
  'half an entry': record(hello([serverName(host('a.example'), hex('00 00'))])),
  'an entry that is too long': record(hello([serverName(hex('00 0009 61'))])),
  'a host of 256 bytes': record(hello([serverName(host('a'.repeat(256)))])),
  'a NUL in a host': record(hello([serverName(host('a.example\0.evil'))])),
  'a control character': record(hello([serverName(host('a\x1b[31m.example'))])),
  'not ASCII': record(hello([serverName(host('bücher.example'))])),
  'two ALPNs': record(hello([alpn('h2'), alpn('h2')])),
  'an empty ALPN': record(hello([alpn()])),
  'an empty protocol': record(hello([alpn('h2', '')])),
  'a protocol that is too long': record(hello([extension(16, vector(2, hex('05 6832')))])),
}

for (const [name, bytes] of Object.entries(MALFORMED)) {
  test(`malformed: ${name}`, () => assert.equal(found(bytes), 'malformed'))
}

test('the limit holds for the message as it says it is, and for all bytes with their records', () => {
  const fill = (bytes: number): Buffer[] => [NAMED, extension(21, Buffer.alloc(bytes))]
  const over = hello(fill(0)).length + 5 // and one record's head
  assert.equal(found(record(hello(fill(HELLO_BYTES_MAX - over)))), '"shop.example"')
  assert.equal(found(records(hello(fill(HELLO_BYTES_MAX - over)), 8192)), 'tooLarge')
  assert.equal(found(hex('160301 0004 01 01 0000')), 'tooLarge')
  assert.equal(found(records(hello(fill(5000)), 1)), 'tooLarge')
})

// ── random hellos in random records and pieces ─────────────────────────────

const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/)
const names = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => labels.join('.'))
const protocolLists = fc.array(fc.constantFrom('h2', 'http/1.1', 'postgresql', '\n\n'), {
  minLength: 1,
  maxLength: 3,
})
const others = fc.array(
  fc
    .tuple(fc.integer({ min: 17, max: 65535 }), fc.uint8Array({ maxLength: 60 }))
    .map(([type, data]) => extension(type, data)),
  { maxLength: 4 },
)

type Known = { readonly message: Buffer; readonly says: string }

const hellos: fc.Arbitrary<Known> = fc
  .tuple(fc.option(names), fc.option(protocolLists), others, fc.nat())
  .map(([name, protocols, rest, order]) => {
    const all = [...rest]
    const place = (each: Buffer) => all.splice(order % (all.length + 1), 0, each)
    if (name !== null) place(serverName(host(name)))
    if (protocols !== null) place(alpn(...protocols))
    return { message: hello(all), says: [`"${(name ?? '').toLowerCase()}"`, ...(protocols ?? [])].join(' ') }
  })

const places = fc.array(fc.nat({ max: 700 }), { maxLength: 12 })

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...new Set(at)].filter(place => place > 0 && place < bytes.length).sort((a, b) => a - b)
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}

/** Of one hello, so that ten times as many inputs are tried as hellos are made. */
const CUTS_EACH = 10
const ways = fc.array(places, { minLength: CUTS_EACH, maxLength: CUTS_EACH })

test('however a hello is cut, its name and protocols are found', () => {
  const property = fc.property(hellos, ways, ways, ({ message, says }, inRecords, inPieces) => {
    for (const [index, at] of inRecords.entries()) {
      const bytes = Buffer.concat(cut(message, at).map(body => record(body)))
      assert.equal(read(cut(bytes, inPieces[index])), says)
    }
  })
  fc.assert(property, { numRuns: runs(25_000) })
})

test('whatever comes, the answer is the same in any pieces, and final', () => {
  const damage = fc.array(fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 255 })), { maxLength: 3 })
  const property = fc.property(hellos, places, damage, ways, ({ message }, inRecords, changes, inPieces) => {
    const bytes = Buffer.concat(cut(message, inRecords).map(body => record(body)))
    for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
    const expected = whole(bytes)
    for (const at of inPieces) assert.equal(read(cut(bytes, at)), expected)
    if (expected !== 'more') assert.equal(whole(Buffer.concat([bytes, Buffer.alloc(9, 0x16)])), expected)
  })
  fc.assert(property, { numRuns: runs(25_000) })
})
