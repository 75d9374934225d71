/**
 * Rings for tests: one arena and one ring for a test's whole life, on its own thread, with both
 * ends of every connection in it.
 */

import assert from 'node:assert/strict'
import { Arena } from '../../src/kernel/arena.ts'
import { createSocketName, writeSocketAddress } from '../../src/kernel/socket-address.ts'
import { closeSocket, Sockets } from '../../src/kernel/sockets.ts'
import { Cqe } from '../../src/kernel/uring/io-uring.ts'
import { prepareAccept, prepareCancelAll, prepareConnect } from '../../src/kernel/uring/prepare.ts'
import { probe } from '../../src/kernel/uring/probe.ts'
import type { Ring } from '../../src/kernel/uring/ring.ts'
import { closeRing, openRing, type RingOptions } from '../../src/kernel/uring/ring-setup.ts'

const missing = probe()

/** For `test(name, { skip }, …)`: the missing feature with its first version, or false. */
export const skip: string | false = missing.ok
  ? false
  : `needs ${missing.features.at(-1)?.name} (${missing.features.at(-1)?.since}): ${missing.reason}`

export type Completion = { word: number; generation: number; result: number; flags: number }

/** Runs `body` with a ring and takes both down. */
export function withRing(options: Partial<RingOptions>, body: (ring: Ring, arena: Arena) => void): void {
  const arena = opened(Arena.map(4 << 20))
  const ring = opened(openRing(arena, { entries: 64, completions: 256, roomEach: 1, ...options }))
  try {
    body(ring, arena)
  } finally {
    closeRing(ring)
    assert.equal(arena.unmap(), 0)
  }
}

/** Returns the opened descriptor; fails the test for −errno. */
export function opened<T>(result: T | number): T {
  if (typeof result === 'number') throw new Error(`not opened: ${result}`)
  return result
}

/** The descriptor; fails the test where it is −errno. */
export function descriptor(result: number): number {
  assert.ok(result >= 0, `a descriptor, not ${result}`)
  return result
}

/** Submits, and reaps what is there at once or after one wait; at most `waitMs`. */
export function drain(ring: Ring, waitMs = 1000): Completion[] {
  const found: Completion[] = []
  assert.equal(ring.submitAndWait(waitMs), 0)
  for (let at = ring.reap(); at >= 0; at = ring.reap()) {
    found.push({
      word: ring.cqes[at + Cqe.USER_DATA],
      generation: ring.cqes[at + Cqe.USER_DATA + 1],
      result: ring.cqes[at + Cqe.RES],
      flags: ring.cqes[at + Cqe.FLAGS],
    })
  }
  return found
}

/**
 * Submits and waits until `count` completions have come, at most a minute. A wait may end early
 * with none: an io_uring_enter(2) that has submitted returns their count even where its wait was
 * interrupted.
 */
export function collect(ring: Ring, count: number): Completion[] {
  const found: Completion[] = []
  const deadline = performance.now() + 60_000
  while (found.length < count) {
    found.push(...drain(ring))
    assert.ok(performance.now() < deadline, `${count} completions, not ${found.length}`)
  }
  assert.equal(found.length, count)
  return found
}

/** Submits and waits for exactly one completion. */
export const one = (ring: Ring): Completion => collect(ring, 1)[0]

export type Pair = { readonly client: number; readonly server: number; readonly close: () => void }

/** A connection over loopback, both ends in this process. */
export function connected(ring: Ring): Pair {
  const sockets = new Sockets(ring.arena)
  const at = ring.arena.take(64)
  const name = createSocketName()
  const listener = descriptor(sockets.listen(4, [0x7f000001], 0, { backlog: 8, dualStack: false }))
  assert.equal(sockets.localName(listener, name), 0)
  const client = descriptor(sockets.dial(4, false))
  prepareAccept(ring, listener, 1, 0)
  prepareConnect(ring, client, at, writeSocketAddress(ring.arena, at, 4, name.words, name.port), 2, 0)
  const found = collect(ring, 2)
  assert.equal(found.find(({ word }) => word === 2)?.result, 0)
  const server = descriptor(found.find(({ word }) => word === 1)?.result ?? -1)
  cancelAccept(ring, listener)
  closeSocket(listener)
  return { client, server, close: () => void (closeSocket(client) + closeSocket(server)) }
}

function cancelAccept(ring: Ring, listener: number): void {
  prepareCancelAll(ring, listener, 3, 0)
  assert.deepEqual(
    collect(ring, 2)
      .map(({ word }) => word)
      .sort(),
    [1, 3],
  )
}
