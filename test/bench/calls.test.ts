/** The bench `calls` in small: what a connection asks of the system is counted. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchCalls, tracedCalls } from '../../bench/calls.ts'
import { Bench } from '../../bench/harness.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

test('calls counts foreign calls, operations and atomics', { skip: skip || fullOnly }, async () => {
  const bench = new Bench({ name: 'calls', scale: 'small', onGroup: () => {} })
  await benchCalls(bench)
  const times = (group: string, name: string): number =>
    bench.results.find(each => each.group === group && each.name === name)?.rounds[0] ?? 0
  for (const engine of ['uring', 'epoll']) {
    const calls = (name: string) => times(`${engine}, foreign calls for a connection`, name)
    assert.ok(Math.abs(calls('socket') - 1) < 0.1, `${calls('socket')} sockets`)
    assert.ok(Math.abs(calls('shutdown') - 1) < 0.1)
    assert.ok(times(`${engine}, operations for a connection`, 'connect') >= 0.9)
  }
  assert.ok(times('1 worker, atomics for a connection', 'load, engine/worker/mailbox') >= 0.9)
})

test('what strace has counted is read by name', () => {
  const text = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.90    0.000130          13        10           close
 38.10    0.000080          16         5         2 accept4
------ ----------- ----------- --------- --------- ----------------
100.00    0.000210          14        15         2 total
`
  assert.deepEqual(
    [...tracedCalls(text)],
    [
      ['close', 10],
      ['accept4', 5],
    ],
  )
})
