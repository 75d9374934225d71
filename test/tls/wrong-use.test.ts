/**
 * Goal: what is wrong around sessions of TLS breaks none of them, and what is wrong with their use
 * is an assertion, never a crash: lifetimes, errors that others leave in OpenSSL's queue, threads
 * that die. Method: both ends in this thread, and threads that end in the middle.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { openssl } from '../../src/tls/openssl.ts'
import { OpenSslSessions } from '../../src/tls/openssl-sessions.ts'
import { CLOSED, NOTHING, type Session, Step } from '../../src/tls/session.ts'
import { SECRETS, secretsOf, serverOf, upstreamOf } from '../support/tls.ts'

const library = openssl()
const skip = typeof library === 'string' ? library : false
const HALF = 2 ** 19

const open = () => {
  const memory = { u8: Buffer.allocUnsafeSlow(2 * HALF) }
  const sessions = new OpenSslSessions(memory)
  sessions.furnish(SECRETS)
  const pair = (): [Session, Session] => {
    const both = [sessions.accept(serverOf({ alpn: ['h2'] })), sessions.connect(upstreamOf({ alpn: ['h2'] }))]
    return both as [Session, Session]
  }
  /** What one has to say goes to the other; returns how many bytes. */
  const carry = (from: Session, to: Session): number => {
    const bytes = from.take(0, HALF)
    if (bytes > 0) to.feed(0, bytes)
    return bytes
  }
  const shake = (server: Session, client: Session, meanwhile = (): void => {}): void => {
    for (let round = 0; round < 4; round++) {
      if (round < 2) client.handshake()
      carry(client, server)
      meanwhile()
      if (round < 2) server.handshake()
      carry(server, client)
      if (round >= 2) client.read(HALF, HALF)
    }
    assert.deepEqual([server.handshake(), client.handshake()], [Step.done, Step.done])
    assert.equal(client.read(HALF, HALF), NOTHING)
  }
  const says = (from: Session, to: Session, text: string): string => {
    memory.u8.write(text, HALF)
    assert.equal(from.write(HALF, text.length), true)
    carry(from, to)
    const read = to.read(HALF, HALF)
    return memory.u8.toString('latin1', HALF, HALF + Math.max(0, read))
  }
  return { memory, sessions, pair, carry, shake, says }
}

/** Leaves an error in the queue of this thread, as a careless caller would. */
function leaveError(): void {
  assert.ok(typeof library !== 'string')
  const { ssl } = library
  const context = ssl.SSL_CTX_new(ssl.TLS_server_method())
  assert.equal(ssl.SSL_CTX_set_cipher_list(context, 'none of that name'), 0)
  ssl.SSL_CTX_free(context)
}

test('an error that somebody else has left makes no session fail', { skip }, () => {
  const { pair, shake, says, carry } = open()
  const [server, client] = pair()
  shake(server, client, leaveError)
  leaveError()
  assert.equal(says(client, server, 'on'), 'on')
  leaveError()
  assert.equal(server.read(HALF, HALF), NOTHING)
  leaveError()
  client.end()
  leaveError()
  carry(client, server)
  assert.equal(server.read(HALF, HALF), CLOSED)
  leaveError()
  assert.equal(says(server, client, 'still'), 'still')
})

test('a session that is used after its end is an assertion', { skip }, () => {
  const { pair, shake } = open()
  const [server, client] = pair()
  shake(server, client)
  server.free()
  for (const use of [
    () => server.feed(0, 1),
    () => server.handshake(),
    () => server.read(0, 10),
    () => server.pending(),
    () => server.write(0, 1),
    () => server.take(0, 10),
    () => server.discard(),
    () => server.end(),
    () => server.alpn(),
    () => server.identity(),
  ])
    assert.throws(use, /bug in weir: a session of TLS is used after its end/)
  server.free()
  assert.equal(client.alpn(), 'h2')
})

test('material that changes in the middle of a handshake is for the next one', { skip }, () => {
  const { sessions, pair, shake, says } = open()
  const [server, client] = pair()
  shake(server, client, () => sessions.furnish(secretsOf()))
  assert.equal(says(server, client, 'old'), 'old')
  assert.equal(typeof sessions.accept(serverOf()), 'number')
  sessions.furnish(SECRETS)
  const next = pair()
  shake(...next)
  for (const each of [server, client, ...next]) each.free()
})

test('sessions outlive those that they came from', { skip }, () => {
  const { sessions, pair, shake } = open()
  const [server, client] = pair()
  shake(server, client)
  sessions.end()
  assert.equal(client.alpn(), 'h2')
  for (const each of [server, client]) each.free()
  assert.throws(() => sessions.accept(serverOf()), /bug in weir/)
})

test('threads that die in the middle of a handshake harm no other', { skip }, async () => {
  const { pair, shake, says } = open()
  const [server, client] = pair()
  shake(server, client)
  for (const how of ['throws', 'is ended']) {
    const module = new URL('../support/dying-tls.ts', import.meta.url)
    const thread = new Worker(module, { workerData: { secrets: SECRETS, how } })
    thread.on('error', () => {})
    const gone = new Promise(resolve => thread.on('exit', resolve))
    await new Promise(resolve => thread.once('message', resolve)) // `once` would reject by the error
    if (how === 'is ended') await thread.terminate()
    await gone
    assert.equal(says(client, server, how), how)
    const next = pair()
    shake(...next)
    for (const each of next) each.free()
  }
})
