/**
 * Goal: on the node engine, too, a reset as a connection is established is a failed dial, and
 * another endpoint is tried; the simulator holds the other engines to it. Method: a dial to an
 * endpoint that does not answer, whose socket fails as Node reports a reset.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddress } from '../../src/address/address.ts'
import type { Attempts } from '../../src/engine/decide/attempts.ts'
import { ANOTHER } from '../../src/engine/decide/attempts.ts'
import { createDecision } from '../../src/engine/decide/decision.ts'
import { dialFailure } from '../../src/engine/decide/failures.ts'
import { Dial } from '../../src/engine/node/dial.ts'
import type { Timing } from '../../src/engine/node/timing.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { blackhole } from '../support/blackhole.ts'

/** What becomes of a dial of which one endpoint after the other resets, with so many to try. */
async function dialing(endpoints: number) {
  await using hole = await blackhole()
  const decision = createDecision()
  decision.family = 4
  decision.address.set(parseAddress(hole.address)?.words ?? [])
  decision.port = hole.port
  const heard: string[] = []
  const attempts = {
    dialed: () => heard.push('dialed'),
    connected: () => heard.push('connected'),
    failed: (_row: number, { code }: { code: string }) => {
      heard.push(code)
      return heard.filter(each => each === 'dialed').length < endpoints ? ANOTHER : dialFailure(code)
    },
  } as unknown as Attempts
  const { promise, resolve } = Promise.withResolvers<number>()
  const dial = new Dial({
    decision,
    row: 0,
    attempts,
    timing: { nowMs: 0, watch: () => {} } as unknown as Timing,
    tls: null,
    headerOf: () => Buffer.alloc(0),
    onSocket: socket =>
      setImmediate(() => socket.destroy(Object.assign(new Error(), { code: 'ECONNRESET' }))),
    onConnected: () => {},
    onBroken: () => heard.push('broken'),
    onFailed: resolve,
  })
  dial.begin()
  return { reason: await promise, heard }
}

test('a reset as it is connected is a failed dial, after which another endpoint is tried', async () => {
  const { reason, heard } = await dialing(3)
  assert.equal(reason, Reason['upstream-reset'])
  assert.deepEqual(heard, ['dialed', 'ECONNRESET', 'dialed', 'ECONNRESET', 'dialed', 'ECONNRESET'])
})
