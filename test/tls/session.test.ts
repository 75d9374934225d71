/**
 * Goal: OpenSSL's sessions are handled in src/tls alone, whatever a peer or a caller does: no stray
 * byte of one session reaches another, no failure of one shows in another. Method: both ends in
 * this thread, over one pipe, with the bytes between them changed, cut and mixed.
 */

import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { LARGE_ONES, SMALL_ONES } from '../../src/kernel/kernel.ts'
import type { TlsServer, TlsUpstream } from '../../src/table/plan/tls.ts'
import { failureName } from '../../src/tls/details.ts'
import { openssl } from '../../src/tls/openssl.ts'
import { OpenSslSessions } from '../../src/tls/openssl-sessions.ts'
import { judgeClient } from '../../src/tls/peer-certificate.ts'
import { CLOSED, FAILED, NOTHING, type Session, Step } from '../../src/tls/session.ts'
import {
  AUTHORITY,
  CLIENT_URI,
  materialOf,
  SECRETS,
  SERVER,
  secretsOf,
  serverOf,
  upstreamOf,
} from '../support/tls.ts'

const missing = openssl()
const skip = typeof missing === 'string' ? missing : false

const HALF = 2 ** 19
const ROOM = 2 ** 17

type End = { readonly session: Session; step: Step }

class Ends {
  readonly u8 = Buffer.allocUnsafeSlow(2 * HALF)
  readonly sessions = new OpenSslSessions(this)

  constructor(secrets = SECRETS) {
    this.sessions.furnish(secrets)
  }

  accept(more: Partial<TlsServer> = {}): Session {
    const session = this.sessions.accept(serverOf(more))
    assert.ok(typeof session !== 'number', `${session}`)
    return session
  }

  connect(more: Partial<TlsUpstream> = {}): Session {
    const session = this.sessions.connect(upstreamOf(more))
    assert.ok(typeof session !== 'number', `${session}`)
    return session
  }

  take(session: Session): Buffer {
    const parts: Buffer[] = []
    for (let bytes = session.take(0, ROOM); bytes > 0; bytes = session.take(0, ROOM))
      parts.push(Buffer.from(this.u8.subarray(0, bytes)))
    return Buffer.concat(parts)
  }

  feed(session: Session, bytes: Uint8Array): void {
    this.u8.set(bytes, HALF)
    session.feed(HALF, bytes.length)
  }

  say(session: Session, text: string | Buffer): Buffer {
    const bytes = this.u8.fill(text, 0, text.length) && text.length
    assert.equal(session.write(0, bytes), true)
    return this.take(session)
  }

  /** All that it reads, and the last result. */
  read(session: Session): [string, number] {
    let text = ''
    for (;;) {
      const read = session.read(0, ROOM)
      if (read <= 0) return [text, read]
      text += this.u8.toString('latin1', 0, read)
    }
  }

  /** Makes the handshake, with `change` on what goes to the server and to the client. */
  shake(
    server: Session,
    client: Session,
    change = (bytes: Buffer, _toServer: boolean) => bytes,
  ): [Step, Step] {
    const ends: [End, End] = [
      { session: server, step: Step.more },
      { session: client, step: Step.more },
    ]
    for (let round = 0; round < 8; round++)
      for (const [index, each] of [...ends.entries()].reverse()) {
        if (each.step === Step.more) each.step = each.session.handshake()
        const bytes = change(this.take(each.session), index === 1)
        const other = ends[1 - index]
        this.feed(other.session, bytes)
        if (other.step === Step.done) this.read(other.session)
      }
    return [ends[0].step, ends[1].step]
  }

  pair(server: Partial<TlsServer> = {}, client: Partial<TlsUpstream> = {}): [Session, Session] {
    const pair: [Session, Session] = [this.accept(server), this.connect(client)]
    assert.deepEqual(this.shake(...pair), [Step.done, Step.done])
    return pair
  }
}

test('bytes pass both ways, a half that has ended leaves the other open', { skip }, () => {
  const ends = new Ends()
  for (const maxVersion of ['TLSV1_2', 'TLSV1_3'] as const) {
    const [server, client] = ends.pair({ maxVersion })
    const much = 'm'.repeat(100_000)
    ends.feed(server, ends.say(client, much))
    assert.deepEqual(ends.read(server), [much, NOTHING])
    client.end()
    ends.feed(server, ends.take(client))
    assert.deepEqual(ends.read(server), ['', CLOSED])
    assert.equal(server.hasEnded, true)
    ends.feed(client, ends.say(server, 'still'))
    assert.deepEqual(ends.read(client), ['still', NOTHING])
    server.free()
    client.free()
  }
})

test('what fills a buffer fits into it encrypted, by each kind of cipher', { skip }, () => {
  const ends = new Ends()
  const block = { minVersion: 'TLSV1_1', maxVersion: 'TLSV1_1' } as const // its ciphers are of blocks
  for (const kind of [{}, { maxVersion: 'TLSV1_2' } as const, block])
    for (const { bytesEach, roomEach } of [SMALL_ONES, LARGE_ONES]) {
      const [server, client] = ends.pair(kind, kind)
      const said = ends.say(client, 'f'.repeat(bytesEach)).length
      assert.ok(said > bytesEach && said <= roomEach, `${JSON.stringify(kind)}: ${said} of ${roomEach}`)
      server.free()
      client.free()
    }
})

test('records in pieces of a byte, and what follows an end, harm nobody', { skip }, () => {
  const ends = new Ends()
  const [server, client] = ends.pair()
  const said = ends.say(client, 'piece by piece')
  let heard = ''
  for (const byte of said) {
    ends.feed(server, Buffer.of(byte))
    heard += ends.read(server)[0]
  }
  assert.equal(heard, 'piece by piece')
  client.end()
  ends.feed(server, Buffer.concat([ends.take(client), Buffer.alloc(500, 7)]))
  assert.deepEqual(ends.read(server), ['', CLOSED])
  const [other, another] = ends.pair()
  ends.feed(other, ends.say(another, 'clean'))
  assert.deepEqual(ends.read(other), ['clean', NOTHING])
})

test('a session that fails leaves nothing to the next one', { skip }, () => {
  const ends = new Ends()
  const [server, client] = ends.pair()
  const wrong = [
    Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
    Buffer.alloc(3000, 0xff),
    Buffer.of(22, 3, 1, 0xff, 0xff, 1, 2, 3),
    Buffer.of(21, 3, 3, 0, 2, 2, 40),
  ]
  for (const bytes of wrong) {
    const victim = ends.accept()
    ends.feed(victim, bytes)
    assert.equal(victim.handshake(), Step.failed)
    assert.notEqual(victim.failure.detail, 0)
    ends.take(victim)
    ends.feed(victim, bytes)
    assert.equal(victim.handshake(), Step.failed)
    victim.free()
    victim.free()
    ends.feed(server, ends.say(client, 'well'))
    assert.deepEqual(ends.read(server), ['well', NOTHING])
  }
  const changed = ends.say(client, 'changed')
  changed[changed.length - 1] ^= 1
  ends.feed(server, changed)
  assert.deepEqual(ends.read(server), ['', FAILED])
  assert.equal(server.write(0, 5), false)
  ends.feed(client, ends.take(server))
  assert.deepEqual(ends.read(client), ['', FAILED])
  assert.equal(failureName(client.failure.detail), 'alert bad_record_mac')
  ends.pair()
})

test('whoever is refused gets an alert that says why', { skip }, () => {
  const ends = new Ends()
  const cases: [Partial<TlsServer>, Partial<TlsUpstream>, string, string][] = [
    [{ clients: 'required' }, {}, 'no client certificate', 'alert certificate_required'],
    [{}, { names: ['other.example.com'] }, 'alert bad_certificate', 'certificate has another name'],
    [{}, { trust: 'system' }, 'alert unknown_ca', 'unknown authority'],
    [
      { minVersion: 'TLSV1_3' },
      { maxVersion: 'TLSV1_2' },
      'no shared protocol version',
      'alert protocol_version',
    ],
  ]
  for (const [server, client, serverSays, clientSays] of cases) {
    const [s, c] = [ends.accept(server), ends.connect(client)]
    ends.shake(s, c)
    if (s.failure.detail === 0) ends.read(s)
    if (c.failure.detail === 0) ends.read(c)
    assert.equal(failureName(s.failure.detail), serverSays)
    assert.equal(failureName(c.failure.detail), clientSays)
    s.free()
    c.free()
  }
  ends.pair()
})

test('who a client is comes from its certificate', { skip }, () => {
  const ends = new Ends()
  const [server] = ends.pair({ clients: 'required' }, { material: 'client' })
  assert.deepEqual(server.identity(), { subject: 'CN=web', uri: CLIENT_URI, names: [`URI:${CLIENT_URI}`] })
  const [anyone] = ends.pair()
  assert.equal(anyone.identity(), null)
})

test('addresses and URIs are names, too, and one that fits is enough', { skip }, () => {
  const ends = new Ends()
  ends.pair({}, { names: ['127.0.0.1'] })
  ends.pair({}, { names: ['spiffe://a/b', 'WWW.example.com'] })
  for (const names of [['127.0.0.2'], ['spiffe://a/b'], ['example.com']]) {
    const [server, client] = [ends.accept(), ends.connect({ names })]
    ends.shake(server, client)
    assert.equal(client.failure.isCertificate, true)
  }
})

test('material that OpenSSL does not take serves nobody', { skip }, () => {
  const half = { ...SERVER, key: '' }
  const ends = new Ends(secretsOf(materialOf('server', [half]), materialOf('nothing', [])))
  for (const material of ['server', 'nothing', 'unknown'])
    assert.equal(typeof ends.sessions.accept(serverOf({ material })), 'number')
  assert.equal(typeof ends.sessions.connect(upstreamOf({ material: 'server', trust: 'none' })), 'number')
  ends.sessions.furnish(SECRETS)
  ends.pair()
})

test('sessions outlive the contexts that they began with', { skip }, () => {
  const ends = new Ends()
  const [server, client] = ends.pair()
  for (let round = 0; round < 20; round++) {
    ends.sessions.furnish(secretsOf(...SECRETS.material))
    const pair = ends.pair()
    ends.feed(server, ends.say(client, `${round}`))
    assert.deepEqual(ends.read(server), [`${round}`, NOTHING])
    for (const each of pair) each.free()
  }
  ends.sessions.furnish(secretsOf())
  ends.feed(client, ends.say(server, 'on'))
  assert.deepEqual(ends.read(client), ['on', NOTHING])
  client.free()
  server.free()
  ends.sessions.end()
})

test('keys of tickets that turn in the middle of a handshake harm nobody', { skip }, () => {
  for (const maxVersion of ['TLSV1_2', 'TLSV1_3'] as const) {
    const ends = new Ends()
    const pair = [ends.accept(), ends.connect({ maxVersion })] as const
    let isFirst = true
    const steps = ends.shake(...pair, bytes => {
      if (isFirst) ends.sessions.furnish(secretsOf(...SECRETS.material))
      isFirst = false
      return bytes
    })
    assert.deepEqual(steps, [Step.done, Step.done])
    ends.feed(pair[0], ends.say(pair[1], 'on'))
    assert.deepEqual(ends.read(pair[0]), ['on', NOTHING])
  }
})

test('a certificate that has expired since is no good to a session that resumes', () => {
  const checks = { insecureSkipVerify: false, subjectAltNames: [], spki: [], hashes: [] }
  const expired = new X509Certificate(AUTHORITY.issue({ names: ['a.test'], from: -9, until: -1 }).cert)
  const good = new X509Certificate(SERVER.cert)
  assert.equal(failureName(judgeClient(checks, expired)?.detail ?? 0), 'certificate expired')
  assert.equal(judgeClient({ ...checks, insecureSkipVerify: true }, expired), null)
  assert.equal(judgeClient(checks, good), null)
})
