/** docs/operations/access-log.md shows every field of it, and what goes with each reason. */

import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { Bytes } from '../../src/access-log/bytes.ts'
import { ENDINGS } from '../../src/access-log/endings.ts'
import { JsonLines } from '../../src/access-log/json.ts'
import { LINE_BYTES_MAX } from '../../src/access-log/lines.ts'
import { NAME_WORDS, ONLY_NAMES } from '../../src/stats/connections.ts'
import { Generations } from '../../src/stats/generations.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import { REASON_NAMES } from '../../src/stats/reasons.ts'
import { writeIdentity, writeName } from '../../src/stats/row-names.ts'
import { recordOf } from '../support/records.ts'
import { holds, tableOf } from './kit.ts'

const FIELDS: Readonly<Record<string, string>> = {
  start_time: 'When it was accepted.',
  access_log_type:
    '`TcpConnectionEnd`; with `open` also `TcpUpstreamConnected`, with `every` also `TcpPeriodic`.',
  connection_id:
    'The same in all lines of a connection, unique in a process; 0 if it was lost before it had one.',
  duration: 'Milliseconds since it was accepted.',
  downstream_remote_address: 'The client. null: it was gone before weir could ask the kernel.',
  downstream_direct_remote_address:
    'The other end of its socket, a load balancer; only where a PROXY header has named the client.',
  requested_server_name:
    'The server name that a TLS client asked for, at most 253 characters; absent if it asked for none.',
  downstream_peer_identity:
    'Who the client is by its verified certificate: its first SPIFFE ID, else its first URI, else the subject; absent if it has shown none.',
  downstream_local_address: 'The address that the client connected to, before a redirect.',
  upstream_host: 'The endpoint that weir dialed last; null: none.',
  bytes_received: 'Bytes that came from the client.',
  bytes_sent: 'Bytes that the client’s socket took.',
  upstream_wire_bytes_sent: 'Bytes that the upstream’s socket took.',
  upstream_wire_bytes_received: 'Bytes that came from the upstream.',
  undelivered_to_upstream: 'Bytes from the client that the upstream did not take; lost with the connection.',
  undelivered_to_client: 'The same, from the upstream.',
  upstream_attempts: 'Endpoints dialed.',
  connect_ms: 'Duration of the last dial; 0 if it failed.',
  first_byte_ms: 'From connecting to the upstream to its first byte; 0: none came.',
  decide_ns: 'Duration of the decision.',
  generation: 'Generation of the configuration that decided.',
  route_name:
    'The rule; `default` where none matched, `passthrough` for an address that is no service; null: none.',
  rule_file: 'File and line of the rule.',
  split: 'The split: `random`, `exact` or `sticky`.',
  upstream_cluster: 'The destination in Istio’s notation: `outbound`, port, subset, host.',
  listener: 'The listener.',
  source_namespace: 'The client’s namespace, by its address.',
  source_labels: 'The client’s labels.',
  denied_by: 'The rule of an AuthorizationPolicy that denied it; only for `denied-by-policy`.',
  would_be_denied_by: 'The same if dry runs counted; absent if none would.',
  audited_by: 'The rule of an `AUDIT` policy that matched; absent if none did.',
  response_flags: 'Envoy’s flag for the reason, or `-`.',
  reason: 'Why it ended; null while it is open.',
  ended_by: '`client`, `upstream` or `weir`.',
  connection_termination_details: 'The reason as a sentence.',
  errno: 'Error of the socket that failed; absent if none did.',
}

test('docs/operations/access-log.md shows every field of the access log', () => {
  const marked = { errno: 104, peerFamily: 4, policy: 1, audited: 1 }
  const fieldsOf = (reason: number): string[] => {
    const out = new Bytes(LINE_BYTES_MAX)
    const record = recordOf({ ...marked, reason })
    const words = Int32Array.of(...record.words, ...new Int32Array(NAME_WORDS))
    const numbers = new Float64Array(words.buffer)
    writeName(words, 0, ONLY_NAMES.name, 'db.example.com')
    writeIdentity(words, 0, ONLY_NAMES.identity, 'spiffe://cluster.local/ns/shop/sa/web')
    new JsonLines(new Generations(new LiveConnections([]))).put(out, words, numbers, 0)
    return Object.keys(JSON.parse(Buffer.from(out.buffer.subarray(0, out.length)).toString()))
  }
  const names = Object.keys(FIELDS)
  deepEqual(
    fieldsOf(REASON_NAMES.indexOf('denied-by-policy')),
    names.filter(name => name !== 'would_be_denied_by'),
  )
  deepEqual(
    fieldsOf(0),
    names.filter(name => name !== 'denied_by'),
  )
  const rows = Object.entries(FIELDS).map(([name, meaning]) => [`\`${name}\``, meaning])
  holds('docs/operations/access-log.md', 'access-log', tableOf(['field', 'meaning'], rows))
})

test('docs/operations/access-log.md shows what goes with each reason', () => {
  const rows = Object.entries(ENDINGS).map(([reason, { by, flags }]) => [`\`${reason}\``, by, `\`${flags}\``])
  holds('docs/operations/access-log.md', 'endings', tableOf(['reason', 'ended_by', 'response_flags'], rows))
})
