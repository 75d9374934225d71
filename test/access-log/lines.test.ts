/** Every record becomes one line, beside JSON.parse, that says all that the record knows. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bytes } from '../../src/access-log/bytes.ts'
import { ENDINGS } from '../../src/access-log/endings.ts'
import { JsonLines } from '../../src/access-log/json.ts'
import { LINE_BYTES_MAX } from '../../src/access-log/lines.ts'
import { TextLines } from '../../src/access-log/text.ts'
import { parseAddress } from '../../src/address/address.ts'
import { Errno } from '../../src/kernel/errno.ts'
import { Live } from '../../src/stats/connections.ts'
import { REASON_NAMES, REASONS, Reason } from '../../src/stats/reasons.ts'
import { RecordKind } from '../../src/stats/records.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { recordOf } from '../support/records.ts'
import { tableOf } from '../support/tables.ts'
import { generations, HOSTILE, jsonOf, lineOf, plan } from './lines-kit.ts'

test('a line says everything that its record knows', () => {
  const line = jsonOf({
    kind: RecordKind.end,
    reason: Reason['upstream-reset'],
    errno: Errno.ECONNRESET,
    id: 1025,
    generation: 1,
    acceptedWallMs: Date.parse('2026-11-23T07:36:27.045Z'),
    acceptedMs: 100,
    endedMs: 1334.6,
    fromClient: 10,
    toUpstream: 7,
    fromUpstream: 5_000_000_000,
    toClient: 4_999_999_999,
    attempts: 2,
    connectUs: 1_001,
    firstByteUs: 2_002,
    decideNs: 3_000_000_000,
    workload: 1,
  })
  assert.deepEqual(line, {
    start_time: '2026-11-23T07:36:27.045Z',
    access_log_type: 'TcpConnectionEnd',
    connection_id: 1025,
    duration: 1235,
    downstream_remote_address: '127.0.0.1:1',
    downstream_local_address: '127.0.0.2:2',
    upstream_host: '127.0.0.3:3',
    bytes_received: 10,
    bytes_sent: 4_999_999_999,
    upstream_wire_bytes_sent: 7,
    upstream_wire_bytes_received: 5_000_000_000,
    undelivered_to_upstream: 3,
    undelivered_to_client: 1,
    upstream_attempts: 2,
    connect_ms: 1.001,
    first_byte_ms: 2.002,
    decide_ns: 3_000_000_000,
    generation: 1,
    route_name: 'shop/orders tcp[0].match[1]',
    rule_file: 'a.yaml:7',
    split: 'random',
    upstream_cluster: 'outbound|80|v1|orders.example',
    listener: 'default/test 127.0.0.1:9000',
    source_namespace: 'shop',
    source_labels: { app: 'web' },
    response_flags: 'UR',
    reason: 'upstream-reset',
    ended_by: 'upstream',
    connection_termination_details: REASONS['upstream-reset'],
    errno: 'ECONNRESET',
  })
})

test('names that would break a line do not', () => {
  const { route_name, rule_file, upstream_cluster } = jsonOf({ rule: 1, route: 1, cluster: 1, reason: 0 })
  assert.deepEqual(
    [route_name, rule_file, upstream_cluster],
    ['shop/"odd" tcp[1]', `${HOSTILE}:7`, 'outbound|80||odd.example'],
  )
  const labels = Object.fromEntries(
    Array.from({ length: 2000 }, (_, index) => [`label-${index}`, 'x'.repeat(63)]),
  )
  const long = jsonOf({ workload: 1, reason: 0 }, new JsonLines(generations(plan(labels))))
  assert.deepEqual([long.source_labels, long.source_namespace], [null, 'shop'])
})

test('each reason has its name, its sentence, its flag and who', () => {
  for (const [reason, name] of REASON_NAMES.entries()) {
    const line = jsonOf({ reason })
    assert.deepEqual(
      [line.reason, line.connection_termination_details, line.response_flags, line.ended_by],
      [name, REASONS[name], ENDINGS[name].flags, ENDINGS[name].by],
    )
  }
})

test('what is not known is null: a client that was gone, an endpoint that was never chosen, a table that is no more', () => {
  const gone = jsonOf({
    clientFamily: 0,
    destinationFamily: 0,
    endpointFamily: 0,
    reason: 0,
    rule: -1,
    route: -1,
    cluster: -1,
  })
  assert.deepEqual(
    [
      gone.downstream_remote_address,
      gone.downstream_local_address,
      gone.upstream_host,
      gone.route_name,
      gone.upstream_cluster,
    ],
    [null, null, null, null, null],
  )
  const old = jsonOf({ generation: 99, reason: 0 })
  assert.deepEqual([old.generation, old.listener, old.route_name, old.split], [99, null, null, null])
})

test('behind a load balancer the line has both: the client, and the other end of the socket', () => {
  const peer = { peerFamily: 4, peer: 0x0a000005, peerPort: 4711, reason: 0 }
  const line = jsonOf(peer)
  assert.equal(line.downstream_remote_address, '127.0.0.1:1')
  assert.equal(line.downstream_direct_remote_address, '10.0.0.5:4711')
  assert.ok(
    lineOf(new TextLines(generations()), peer).includes(' 127.0.0.1:1 via 10.0.0.5:4711 -> 127.0.0.2:2'),
  )
  assert.ok(!('downstream_direct_remote_address' in jsonOf({ reason: 0 })))
})

test('a connection that goes on has no reason', () => {
  const line = jsonOf({ kind: RecordKind.periodic, reason: -1 })
  assert.deepEqual([line.access_log_type, line.reason, line.ended_by], ['TcpPeriodic', null, null])
})

test('rows of another generation are not taken for those of this one', () => {
  const known = generations()
  const later = planOf([listenerOn(9000)], [clusterOf([], {}, 'later.example')])
  known.add(tableOf(later, 2).buffers)
  const writer = new JsonLines(known)
  const cluster = (generation: number) => jsonOf({ generation, reason: 0, rule: -1 }, writer).upstream_cluster
  assert.deepEqual(
    [cluster(1), cluster(2), cluster(1)],
    ['outbound|80|v1|orders.example', 'outbound|80||later.example', 'outbound|80|v1|orders.example'],
  )
})

test('IPv6 addresses are written as they are read', () => {
  const address = parseAddress('2001:db8::1:2')
  assert.ok(address)
  const { words, numbers } = recordOf({ clientFamily: 6, reason: 0 })
  words.set(address.words, Live.client)
  const out = new Bytes(LINE_BYTES_MAX)
  new JsonLines(generations()).put(out, words, numbers, 0)
  const { downstream_remote_address } = JSON.parse(Buffer.from(out.buffer.subarray(0, out.length)).toString())
  assert.equal(downstream_remote_address, '[2001:db8::1:2]:1')
})

test('the same for people is one line', () => {
  const writer = new TextLines(generations())
  const fields = {
    acceptedWallMs: Date.parse('2026-11-23T07:36:27.123Z'),
    acceptedMs: 1,
    endedMs: 13,
    id: 1025,
    fromClient: 9,
    toUpstream: 7,
    fromUpstream: 5,
    toClient: 5,
    workload: 1,
  }
  const head = '[2026-11-23T07:36:27.123Z] 127.0.0.1:1 -> 127.0.0.2:2 -> 127.0.0.3:3'
  const tail =
    'by shop/orders tcp[0].match[1] (a.yaml:7), outbound|80|v1|orders.example, generation 1, connection 1025\n'
  assert.equal(
    lineOf(writer, { ...fields, reason: Reason['client-reset'], errno: Errno.ECONNRESET }),
    `${head} client-reset (ECONNRESET) after 12 ms, 9 bytes in, 5 out, 2 not to the upstream, ${tail}`,
  )
  assert.equal(
    lineOf(writer, { ...fields, toUpstream: 9, kind: RecordKind.periodic, reason: -1 }),
    `${head} goes on after 12 ms, 9 bytes in, 5 out, ${tail}`,
  )
  const odd = lineOf(writer, { ...fields, rule: 1, route: 1, cluster: 1, reason: 0 })
  assert.equal(odd.split('\n').length, 2, 'a name with a newline in it stays in its line')
})
