/**
 * Goal: every record becomes one line that a reader takes apart into what it said. Method: the
 * lines' bytes, beside JSON.parse and Node's own formatting.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Bytes } from '../../src/access-log/bytes.ts'
import { ENDINGS } from '../../src/access-log/endings.ts'
import { JsonLines } from '../../src/access-log/json.ts'
import { LINE_BYTES_MAX, type LineWriter } from '../../src/access-log/lines.ts'
import { readLine } from '../../src/access-log/read-line.ts'
import { TextLines } from '../../src/access-log/text.ts'
import { WallTime } from '../../src/access-log/wall-time.ts'
import { parseAddress } from '../../src/address/address.ts'
import { Errno } from '../../src/kernel/errno.ts'
import { Live } from '../../src/stats/connections.ts'
import { Generations } from '../../src/stats/generations.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import { REASON_NAMES, REASONS, Reason } from '../../src/stats/reasons.ts'
import { RecordKind } from '../../src/stats/records.ts'
import type { Plan, RuleOrigin } from '../../src/table/plan/plan.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { type Fields, recordOf } from '../support/records.ts'
import { tableOf } from '../support/tables.ts'

const HOSTILE = 'q"u\\o\nte\u2028\u0001ü.yaml'

/** Two rules; the second one's names are as bad as they may be. */
function plan(labels: Readonly<Record<string, string>> = { app: 'web' }): Plan {
  const rule = (virtualService: string, file: string, match: number | null, route: number) => ({
    origin: { virtualService, block: 'tcp', route, match, file, line: 7 } satisfies RuleOrigin,
    destinations: [],
    port: 0,
    clients: [],
    route,
    never: null,
    source: { namespace: null, labels: {}, visibleTo: null },
  })
  const rules = [rule('shop/orders', 'a.yaml', 1, 0), rule('shop/"odd"', HOSTILE, null, 1)]
  const clusters = [
    { ...clusterOf([], {}, 'orders.example'), subset: 'v1' },
    clusterOf([], {}, 'odd.example'),
  ]
  const words = Uint32Array.of(0x7f000001, 0, 0, 0)
  return {
    ...planOf(
      [listenerOn(9000, 0, { scopes: [{ host: '', port: 0, addresses: [], rules, defaultRoute: 0 }] })],
      clusters,
    ),
    sources: [{ cidr: { family: 4, words, bits: 32 }, namespace: 'shop', labels }],
  }
}

function generations(of = plan()): Generations {
  const known = new Generations(new LiveConnections([]))
  known.add(tableOf(of).buffers)
  return known
}

function lineOf(writer: LineWriter, fields: Fields): string {
  const out = new Bytes(LINE_BYTES_MAX)
  const { words, numbers } = recordOf(fields)
  writer.put(out, words, numbers, 0)
  return Buffer.from(out.buffer.subarray(0, out.length)).toString()
}

/** The line, which is one and ends with a newline, as an object. */
function jsonOf(fields: Fields, writer: LineWriter = new JsonLines(generations())) {
  const line = lineOf(writer, fields)
  assert.match(line, /^[^\n]+\n$/)
  return JSON.parse(line)
}

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

test('numbers are written as Node writes them', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer()), fc.nat(2 ** 31 - 1), (value, thousandths) => {
      const out = new Bytes(64)
      out.number(value)
      out.put(Buffer.from(' '))
      out.thousandths(thousandths)
      const text = Buffer.from(out.buffer.subarray(0, out.length)).toString()
      assert.equal(text, `${value} ${(thousandths / 1000).toFixed(3)}`)
    }),
  )
})

test('times are written as Node writes them', () => {
  const time = new WallTime('', '')
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), date => {
      const out = new Bytes(64)
      time.put(out, date.getTime())
      assert.equal(Buffer.from(out.buffer.subarray(0, out.length)).toString(), date.toISOString())
    }),
  )
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

test('a line is read back as what its record knows, whichever the reason and the form', () => {
  const peer = { peerFamily: 4, peer: 0x0a000005, peerPort: 4711 }
  for (const Writer of [JsonLines, TextLines]) {
    const writer = new Writer(generations())
    const read = (fields: Fields) => readLine(lineOf(writer, fields).trimEnd())
    const isJson = writer instanceof JsonLines
    const common = {
      acceptedAt: '2026-11-23T07:36:27.123Z',
      id: 1025,
      lastedMs: 12,
      listener: isJson ? 'default/test 127.0.0.1:9000' : null,
      asked: '127.0.0.2:2',
      serverName: '',
      identity: '',
      endpoint: '127.0.0.3:3',
      deniedBy: null,
      generation: 1,
      fromClientBytes: 9,
      toUpstreamBytes: 7,
      fromUpstreamBytes: 5,
      toClientBytes: 4,
      attempts: isJson ? 2 : null,
      connectMs: isJson ? 0.25 : null,
      firstByteMs: isJson ? 1.5 : null,
    }
    const fields = {
      acceptedWallMs: Date.parse(common.acceptedAt),
      acceptedMs: 1,
      endedMs: 13,
      id: 1025,
      fromClient: 9,
      toUpstream: 7,
      fromUpstream: 5,
      toClient: 4,
      attempts: 2,
      connectUs: 250,
      firstByteUs: 1500,
    }
    const routed = {
      rule: 'shop/orders tcp[0].match[1]',
      writtenAt: 'a.yaml:7',
      destination: { host: 'orders.example', port: 80, subset: 'v1' },
      client: '127.0.0.1:1',
      peer: '10.0.0.5:4711',
    }
    for (const [number, reason] of REASON_NAMES.entries()) {
      assert.deepEqual(read({ ...fields, reason: number, ...peer, errno: Errno.ECONNRESET }), {
        ...common,
        ...routed,
        reason,
        errno: 'ECONNRESET',
      })
      const nowhere = {
        reason: number,
        rule: -1,
        route: -1,
        cluster: -1,
        clientFamily: 0,
        endpointFamily: 0,
        errno: 0,
      }
      assert.deepEqual(read({ ...fields, ...nowhere }), {
        ...common,
        client: null,
        peer: null,
        endpoint: null,
        rule: null,
        writtenAt: null,
        destination: null,
        reason,
        errno: null,
      })
    }
    for (const kind of [RecordKind.connected, RecordKind.periodic]) {
      const open = { ...common, ...routed, reason: null, errno: null }
      assert.deepEqual(read({ ...fields, kind, reason: -1, ...peer, errno: 0 }), open)
    }
  }
  for (const line of ['', 'x', '{', '{}', '[]', 'null', '{"access_log_type":"TcpConnectionEnd"}'])
    assert.equal(readLine(line), 'unknown')
})
