/**
 * A line of the access log, read back: what is known of a connection that has ended. The writers
 * are json.ts and text.ts.
 */

import { REASON_NAMES, type ReasonName } from '../stats/reasons.ts'
import { RecordKind } from '../stats/records.ts'
import type { Destination } from '../table/plan/destination.ts'
import { TYPES } from './lines.ts'

/** A connection as its line has it; null: the line does not say. */
export type Logged = {
  readonly acceptedAt: string | null
  /** Unique in a process; 0: unknown. */
  readonly id: number
  /** From accept to the end, or to the line of a connection that was still open. */
  readonly lastedMs: number
  /** "default/edge 127.0.0.1:9000"; the text form never says. */
  readonly listener: string | null
  readonly client: string | null
  /** The load balancer that named the client. */
  readonly peer: string | null
  readonly asked: string | null
  /** '': none. */
  readonly serverName: string
  /** By its certificate; '': it has shown none. */
  readonly identity: string
  /** The one that was dialed last; null: none was. */
  readonly endpoint: string | null
  /** null: it was open when the line was written. */
  readonly reason: ReasonName | null
  /** "ECONNRESET". */
  readonly errno: string | null
  /** The rule of the policy that denied it. */
  readonly deniedBy: string | null
  /** "shop/orders tcp[1]", "default" or "passthrough". */
  readonly rule: string | null
  /** "config/orders.yaml:12", or a resource of an API. */
  readonly writtenAt: string | null
  readonly destination: Destination | null
  readonly generation: number
  readonly fromClientBytes: number
  readonly toUpstreamBytes: number
  readonly fromUpstreamBytes: number
  readonly toClientBytes: number
  /** The text form says none of these three. */
  readonly attempts: number | null
  readonly connectMs: number | null
  readonly firstByteMs: number | null
}

/** `unknown`: no line of an access log. */
export type ReadLine = Logged | 'unknown'

export function readLine(line: string): ReadLine {
  return line.startsWith('{') ? readJson(line) : readText(line)
}

const END = TYPES[RecordKind.end]
const KINDS: ReadonlySet<unknown> = new Set(Object.values(TYPES))

function readJson(line: string): ReadLine {
  const fields = parse(line)
  if (!KINDS.has(fields.access_log_type)) return 'unknown'
  const reason = fields.access_log_type === END ? reasonOf(fields.reason) : null
  if (fields.access_log_type === END && reason === null) return 'unknown'
  const cluster = textOf(fields.upstream_cluster)
  const destination = cluster === null ? null : destinationOf(cluster)
  if (cluster !== null && destination === null) return 'unknown'
  return {
    acceptedAt: textOf(fields.start_time),
    id: countOf(fields.connection_id),
    lastedMs: countOf(fields.duration),
    listener: textOf(fields.listener),
    client: textOf(fields.downstream_remote_address),
    peer: textOf(fields.downstream_direct_remote_address),
    asked: textOf(fields.downstream_local_address),
    serverName: textOf(fields.requested_server_name) ?? '',
    identity: textOf(fields.downstream_peer_identity) ?? '',
    endpoint: textOf(fields.upstream_host),
    reason,
    errno: textOf(fields.errno),
    deniedBy: textOf(fields.denied_by),
    rule: textOf(fields.route_name),
    writtenAt: textOf(fields.rule_file),
    destination,
    generation: countOf(fields.generation),
    fromClientBytes: countOf(fields.bytes_received),
    toUpstreamBytes: countOf(fields.upstream_wire_bytes_sent),
    fromUpstreamBytes: countOf(fields.upstream_wire_bytes_received),
    toClientBytes: countOf(fields.bytes_sent),
    attempts: countOf(fields.upstream_attempts),
    connectMs: countOf(fields.connect_ms),
    firstByteMs: countOf(fields.first_byte_ms),
  }
}

/**
 * [time] client[ via peer] -> asked -> endpoint [for name ][as identity ]reason[ (errno)] after …,
 * bytes, losses, policies, by rule …
 */
const TEXT = new RegExp(
  [
    /^\[(?<time>[^\]]+)\] (?<client>\S+)(?: via (?<peer>\S+))? -> (?<asked>\S+) -> (?<endpoint>\S+) /,
    /(?:for (?<name>\S+) )?(?:as (?<identity>.+?) )?/,
    /(?<reason>[a-z-]+|goes on)(?: \((?<errno>.*?)\))? after (?<lasted>\d+) ms, /,
    /(?<received>\d+) bytes in, (?<sent>\d+) out/,
    /(?:, (?<lostIn>\d+) not to the upstream)?(?:, (?<lostOut>\d+) not to the client)?/,
    /(?:, denied by (?<denied>[^,]+))?(?:, would be denied by [^,]+)?(?:, audited by [^,]+)?/,
    /(?:, by (?<rule>default|passthrough|(?:T(?:CP|LS)Route )?\S+ (?:tcp|tls|http|rules)\[\d+\](?:\.match\[\d+\])?))?/,
    /(?: \((?<where>\S.*?)\))?/,
    /(?:, (?<cluster>outbound\|[^\s,]+))?, generation (?<generation>\d+), connection (?<id>\d+)$/,
  ]
    .map(({ source }) => source)
    .join(''),
)

function readText(line: string): ReadLine {
  const found = TEXT.exec(line)?.groups
  if (!found) return 'unknown'
  const isOpen = found.reason === 'connected' || found.reason === 'goes on'
  const reason = isOpen ? null : reasonOf(found.reason)
  const destination = found.cluster === undefined ? null : destinationOf(found.cluster)
  if ((reason === null && !isOpen) || (found.cluster !== undefined && destination === null)) return 'unknown'
  const known = (text: string | undefined): string | null =>
    text === undefined || text === '-' ? null : text
  const [received, sent, lostIn, lostOut] = [
    found.received,
    found.sent,
    found.lostIn ?? '0',
    found.lostOut ?? '0',
  ].map(Number)
  return {
    acceptedAt: found.time,
    id: Number(found.id),
    lastedMs: Number(found.lasted),
    listener: null,
    client: known(found.client),
    peer: known(found.peer),
    asked: known(found.asked),
    serverName: found.name ?? '',
    identity: found.identity ?? '',
    endpoint: known(found.endpoint),
    reason,
    errno: found.errno ?? null,
    deniedBy: found.denied ?? null,
    rule: found.rule ?? null,
    writtenAt: found.where ?? null,
    destination,
    generation: Number(found.generation),
    fromClientBytes: received,
    toUpstreamBytes: received - lostIn,
    fromUpstreamBytes: sent + lostOut,
    toClientBytes: sent,
    attempts: null,
    connectMs: null,
    firstByteMs: null,
  }
}

/** "outbound|9000|v1|a.example", as `clusterName` writes it. */
function destinationOf(cluster: string): Logged['destination'] {
  const found = /^outbound\|(\d{1,5})\|([^|]*)\|([^|]+)$/.exec(cluster)
  if (!found) return null
  const [, port, subset, host] = found
  return { host, port: Number(port), subset: subset === '' ? null : subset }
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line))
  } catch {
    return {}
  }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

const countOf = (value: unknown): number => (typeof value === 'number' && value > 0 ? value : 0)

const reasonOf = (value: unknown): ReasonName | null => REASON_NAMES.find(name => name === value) ?? null
