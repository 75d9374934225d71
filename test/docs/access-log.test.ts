/** docs/operations.md shows every field of the access log, and what goes with each reason. */

import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { Bytes } from '../../src/access-log/bytes.ts'
import { ENDINGS } from '../../src/access-log/endings.ts'
import { JsonLines } from '../../src/access-log/json.ts'
import { LINE_BYTES_MAX } from '../../src/access-log/lines.ts'
import { Generations } from '../../src/stats/generations.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import { recordOf } from '../support/records.ts'
import { holds, tableOf } from './kit.ts'

const FIELDS: Readonly<Record<string, string>> = {
  start_time: 'When it was accepted.',
  access_log_type:
    '`TcpConnectionEnd`; with `open` also `TcpUpstreamConnected`, with `every` also `TcpPeriodic`.',
  connection_id:
    'The same in all lines of a connection, and never used twice by a process; 0 where it was lost before it had one.',
  duration: 'Milliseconds since it was accepted.',
  downstream_remote_address: 'The client. null: it was gone before it could be asked for.',
  downstream_local_address: 'The address that it asked for; behind a redirect the one before it.',
  upstream_host: 'The endpoint that was dialed last; null: none.',
  bytes_received: 'Bytes that came from the client.',
  bytes_sent: 'Bytes that the client’s socket took.',
  upstream_wire_bytes_sent: 'Bytes that the upstream’s socket took.',
  upstream_wire_bytes_received: 'Bytes that came from the upstream.',
  undelivered_to_upstream: 'Bytes that came from the client and were not taken: lost with the connection.',
  undelivered_to_client: 'The same, from the upstream.',
  upstream_attempts: 'Endpoints that were dialed.',
  connect_ms: 'How long the last dial took; 0 where it failed.',
  decide_ns: 'How long it took to decide, reading the addresses included.',
  generation: 'Of the configuration that decided.',
  route_name:
    'The rule; `default` where none matched, `passthrough` for an address that is no service; null: none.',
  rule_file: 'Where the rule stands: file and line.',
  split: 'How the destination was drawn: `random`, `exact` or `sticky`.',
  upstream_cluster: 'The destination as Istio names it: `outbound`, port, subset, host.',
  listener: 'The listener.',
  source_namespace: 'The client’s namespace, by its address.',
  source_labels: 'The client’s labels.',
  response_flags: 'Envoy’s flag for the reason, where one means the same; else `-`.',
  reason: 'Why it ended; null while it goes on.',
  ended_by: '`client`, `upstream` or `weir`.',
  connection_termination_details: 'The reason as a sentence.',
  errno: 'What the kernel said of the socket that failed; only where it did.',
}

test('docs/operations.md shows every field of the access log', () => {
  const out = new Bytes(LINE_BYTES_MAX)
  const { words, numbers } = recordOf({ errno: 104, reason: 0 })
  new JsonLines(new Generations(new LiveConnections([]))).put(out, words, numbers, 0)
  const line = JSON.parse(Buffer.from(out.buffer.subarray(0, out.length)).toString())
  deepEqual(Object.keys(line), Object.keys(FIELDS))
  const rows = Object.entries(FIELDS).map(([name, meaning]) => [`\`${name}\``, meaning])
  holds('docs/operations.md', 'access-log', tableOf(['field', 'meaning'], rows))
})

test('docs/operations.md shows what goes with each reason', () => {
  const rows = Object.entries(ENDINGS).map(([reason, { by, flags }]) => [`\`${reason}\``, by, `\`${flags}\``])
  holds('docs/operations.md', 'endings', tableOf(['reason', 'ended_by', 'response_flags'], rows))
})
