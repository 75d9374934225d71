import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readStartup, STARTUP_HEAD, Startup } from '../../src/wire/postgres-startup.ts'

function request(length: number, code: number): Buffer {
  const bytes = Buffer.alloc(STARTUP_HEAD)
  bytes.writeUInt32BE(length)
  bytes.writeUInt32BE(code, 4)
  return bytes
}

const version = (major: number, minor: number): number => major * 65536 + minor

const CASES: readonly [name: string, bytes: Buffer, kind: keyof typeof Startup][] = [
  ['SSLRequest', request(8, 80877103), 'sslRequest'],
  ['GSSENCRequest', request(8, 80877104), 'gssRequest'],
  ['CancelRequest', request(16, 80877102), 'cancel'],
  ['CancelRequest of protocol 3.2, with a key of 256 bytes', request(268, 80877102), 'cancel'],
  ['StartupMessage', request(83, version(3, 0)), 'startup'],
  ['StartupMessage of protocol 3.2', request(83, version(3, 2)), 'startup'],
  ['a ClientHello', Buffer.from([22, 3, 1, 0, 5, 1, 0, 0]), 'tls'],
  ['an SSLRequest with something more', request(9, 80877103), 'unknown'],
  ['a CancelRequest without a key', request(12, 80877102), 'unknown'],
  ['a CancelRequest with a key of 257 bytes', request(269, 80877102), 'unknown'],
  ['protocol 2', request(296, version(2, 0)), 'unknown'],
  ['a StartupMessage that says nothing', request(8, version(3, 0)), 'unknown'],
  ['a StartupMessage that is too long', request(10_001, version(3, 0)), 'unknown'],
  ['HTTP', Buffer.from('GET / HT'), 'unknown'],
]

for (const [name, bytes, kind] of CASES) {
  test(`PostgreSQL says first: ${name}`, () => {
    const padded = Buffer.concat([Buffer.alloc(3, 22), bytes, Buffer.alloc(20, 1)])
    assert.equal(readStartup(padded, 3, padded.length), Startup[kind])
    for (let length = 0; length < STARTUP_HEAD; length++) {
      const soFar = readStartup(padded, 3, 3 + length)
      assert.ok(soFar === Startup.more || soFar === Startup[kind], `after ${length} bytes`)
    }
  })
}

test('another protocol is told by its first byte', () => {
  assert.equal(readStartup(Buffer.from('G'), 0, 1), Startup.unknown)
  assert.equal(readStartup(Buffer.from([22]), 0, 1), Startup.tls)
  assert.equal(readStartup(Buffer.from([0]), 0, 1), Startup.more)
})
