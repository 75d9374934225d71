/** A thread that dies in the middle of a handshake, with sessions and contexts of its own. */

import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { OpenSslSessions } from '../../src/tls/openssl-sessions.ts'
import type { Session } from '../../src/tls/session.ts'
import { serverOf, upstreamOf } from './tls.ts'

const memory = { u8: Buffer.allocUnsafeSlow(2 ** 20) }
const sessions = new OpenSslSessions(memory)
sessions.furnish(workerData.secrets)
const [server, client] = [
  sessions.accept(serverOf({ alpn: ['h2'] })),
  sessions.connect(upstreamOf({ alpn: ['h2'] })),
] as [Session, Session]
client.handshake()
const bytes = client.take(0, 2 ** 19)
assert.ok(bytes > 0)
server.feed(0, bytes)
server.handshake()
parentPort?.postMessage(bytes)
if (workerData.how === 'throws') throw new Error('it dies')
