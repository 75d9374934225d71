/**
 * A line of the access log, read back: what is known of a connection that has ended. The writers
 * are json.ts and text.ts.
 */

import { REASON_NAMES, type ReasonName } from '../stats/reasons.ts'
import { RecordKind } from '../stats/records.ts'
import { TYPES } from './lines.ts'

/** A connection as its line has it; null: the line does not say. */
export type Logged = {
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
  readonly reason: ReasonName
  /** "shop/orders tcp[1]", "default" or "passthrough". */
  readonly rule: string | null
  readonly destination: {
    readonly host: string
    readonly port: number
    readonly subset: string | null
  } | null
}

/** `open`: a line about a connection that went on. `unknown`: no line of an access log. */
export type ReadLine = Logged | 'open' | 'unknown'

export function readLine(line: string): ReadLine {
  return line.startsWith('{') ? readJson(line) : readText(line)
}

const END = TYPES[RecordKind.end]
const KINDS: ReadonlySet<unknown> = new Set(Object.values(TYPES))

function readJson(line: string): ReadLine {
  const fields = parse(line)
  if (!KINDS.has(fields.access_log_type)) return 'unknown'
  if (fields.access_log_type !== END) return 'open'
  const reason = reasonOf(fields.reason)
  if (reason === null) return 'unknown'
  const cluster = textOf(fields.upstream_cluster)
  const destination = cluster === null ? null : destinationOf(cluster)
  if (cluster !== null && destination === null) return 'unknown'
  return {
    listener: textOf(fields.listener),
    client: textOf(fields.downstream_remote_address),
    peer: textOf(fields.downstream_direct_remote_address),
    asked: textOf(fields.downstream_local_address),
    serverName: textOf(fields.requested_server_name) ?? '',
    identity: textOf(fields.downstream_peer_identity) ?? '',
    reason,
    rule: textOf(fields.route_name),
    destination,
  }
}

/**
 * [time] client[ via peer] -> asked -> endpoint [for name ][as identity ]reason[ (errno)] after …,
 * by rule …
 */
const TEXT = new RegExp(
  [
    /^\[[^\]]+\] (?<client>\S+)(?: via (?<peer>\S+))? -> (?<asked>\S+) -> \S+ (?:for (?<name>\S+) )?(?:as (?<identity>.+?) )?/,
    /(?<reason>[a-z-]+|goes on)(?: \(.*?\))? after \d+ ms, .*?/,
    /(?:, by (?<rule>default|passthrough|(?:T(?:CP|LS)Route )?\S+ (?:tcp|tls|http|rules)\[\d+\](?:\.match\[\d+\])?))?(?: \(\S.*?:\d+\))?/,
    /(?:, (?<cluster>outbound\|[^\s,]+))?, generation \d+, connection \d+$/,
  ]
    .map(({ source }) => source)
    .join(''),
)

function readText(line: string): ReadLine {
  const found = TEXT.exec(line)?.groups
  if (!found) return 'unknown'
  if (found.reason === 'connected' || found.reason === 'goes on') return 'open'
  const reason = reasonOf(found.reason)
  const destination = found.cluster === undefined ? null : destinationOf(found.cluster)
  if (reason === null || (found.cluster !== undefined && destination === null)) return 'unknown'
  const known = (text: string | undefined): string | null =>
    text === undefined || text === '-' ? null : text
  return {
    listener: null,
    client: known(found.client),
    peer: known(found.peer),
    asked: known(found.asked),
    serverName: found.name ?? '',
    identity: found.identity ?? '',
    reason,
    rule: found.rule ?? null,
    destination,
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

const reasonOf = (value: unknown): ReasonName | null => REASON_NAMES.find(name => name === value) ?? null
