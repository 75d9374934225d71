/**
 * Goal: the ticket of a TLS 1.3 client leaves with the first answer, and without one after a while:
 * the kernel holds it (MSG_MORE). Method: node:tls as the client, and an upstream that answers at
 * once or never.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:tls'
import { clusterOf, FLOW_ENGINES, planOf, type Target, TestEngine } from '../support/engine.ts'
import { echo, freePort, listen } from '../support/sockets.ts'
import { AUTHORITY, SECRETS, SERVER_NAME, serverOf, tlsListenerOn } from '../support/tls.ts'

/** For how long the kernel holds what waits for more, at least; it says 200 ms. */
const HELD_MS = 150

async function plane(engine: 'epoll' | 'uring', to: Target) {
  const gateway = new TestEngine(engine)
  const port = await freePort()
  gateway.order({ kind: 'secrets', epoch: 0, secrets: SECRETS })
  await gateway.adopt(planOf([tlsListenerOn(port, serverOf({}))], [clusterOf([to])]))
  return Object.assign(gateway, { port })
}

const begin = (port: number) =>
  connect({ port, host: '127.0.0.1', servername: SERVER_NAME, ca: AUTHORITY.cert, minVersion: 'TLSv1.3' })

for (const { engine, test } of FLOW_ENGINES)
  test(`${engine}: a ticket waits for the first answer, and not for ever`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine as 'epoll' | 'uring', upstream)
    const asking = begin(gateway.port)
    let tickets = 0
    asking.on('session', () => {
      tickets++
    })
    asking.write('in')
    await once(asking, 'data')
    assert.equal(tickets, 1, 'it comes before the answer')
    asking.destroy()

    // A busy machine may make it later, never earlier.
    const beganMs = performance.now()
    const silent = begin(gateway.port)
    await once(silent, 'session')
    const tookMs = performance.now() - beganMs
    assert.ok(tookMs >= HELD_MS, `nothing held it: ${tookMs} ms`)
    silent.destroy()
  })
