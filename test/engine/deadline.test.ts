// Goal: connections time out exactly when the policy says. Method: times as plain numbers, no
// clock.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadlineMs, overdue, READ_LATE } from '../../src/engine/decide/deadline.ts'
import { State } from '../../src/engine/decide/state.ts'
import { Reason } from '../../src/stats/reasons.ts'

const times = {
  readUntilMs: 150,
  acceptedMs: 100,
  dialedMs: 200,
  activeMs: 300,
  agreeUntilMs: Number.POSITIVE_INFINITY,
  clientOwedMs: 0,
  upstreamOwedMs: 0,
}
const policy = { connectTimeoutMs: 10, idleTimeoutMs: 50, maxDurationMs: 0, writeTimeoutMs: 0 }

test('a dial is limited by the connect timeout, not by idleness', () => {
  assert.equal(deadlineMs(State.Dialing, times, policy), 210)
  assert.equal(overdue(State.Dialing, times, policy, 209.9), -1)
  assert.equal(overdue(State.Dialing, times, policy, 210), Reason['connect-timeout'])
})

test('a relay is limited by the time since the last byte, half-closed or not', () => {
  for (const state of [State.Relaying, State.HalfClosed]) {
    assert.equal(deadlineMs(state, times, policy), 350)
    assert.equal(overdue(state, times, policy, 349), -1)
    assert.equal(overdue(state, times, policy, 350), Reason['idle-timeout'])
    assert.equal(overdue(state, { ...times, activeMs: 301 }, policy, 350), -1)
  }
})

test('the longest duration counts from accept, in every state, and comes first', () => {
  const short = { ...policy, maxDurationMs: 20 }
  for (const state of [State.Dialing, State.Relaying, State.HalfClosed]) {
    assert.equal(deadlineMs(state, times, short), 120)
    assert.equal(overdue(state, times, short, 120), Reason['max-duration'])
  }
})

test('0 is no limit', () => {
  const none = { ...policy, idleTimeoutMs: 0 }
  assert.equal(deadlineMs(State.Relaying, times, none), Number.POSITIVE_INFINITY)
  assert.equal(overdue(State.Relaying, times, none, Number.MAX_SAFE_INTEGER), -1)
})

test('while it is read from only its reader’s time counts, and the reader says what that means', () => {
  const short = { ...policy, maxDurationMs: 1 }
  assert.equal(deadlineMs(State.Reading, times, short), 150)
  assert.equal(overdue(State.Reading, times, short, 149.9), -1)
  assert.equal(overdue(State.Reading, times, short, 150), READ_LATE)
})

test('an upstream that was asked for TLS has its own deadline, whether idleness is limited or not', () => {
  const asked = { ...times, agreeUntilMs: 340 }
  for (const each of [policy, { ...policy, idleTimeoutMs: 0 }]) {
    assert.equal(deadlineMs(State.Relaying, asked, each), 340)
    assert.equal(overdue(State.Relaying, asked, each, 339.9), -1)
    assert.equal(overdue(State.Relaying, asked, each, 340), Reason['starttls-timeout'])
  }
})

test('a side that takes no byte has a deadline of its own, by the side that the bytes come from', () => {
  const allowed = { ...policy, writeTimeoutMs: 20 }
  for (const state of [State.Relaying, State.HalfClosed]) {
    const [client, upstream] = [
      { ...times, upstreamOwedMs: 310 },
      { ...times, clientOwedMs: 305 },
    ]
    assert.equal(deadlineMs(state, client, allowed), 330)
    assert.equal(overdue(state, client, allowed, 329.9), -1)
    assert.equal(overdue(state, client, allowed, 330), Reason['client-stalled'])
    assert.equal(deadlineMs(state, upstream, allowed), 325)
    assert.equal(overdue(state, upstream, allowed, 325), Reason['upstream-stalled'])
    assert.equal(deadlineMs(state, times, allowed), 350)
    assert.equal(deadlineMs(state, client, policy), 350)
  }
})
