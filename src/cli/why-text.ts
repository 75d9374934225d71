/**
 * What became of a connection, in lines; of a running gateway (live/why.ts) or an access log
 * (why-log.ts).
 *
 *   10.0.0.7:43210 → 10.1.2.3:9000  ended 2.1 s ago by the upstream: upstream-reset (ECONNRESET)
 *     record    /var/log/weir/access.log:120, accepted at 2026-11-23T07:36:27.123Z
 *     why       The upstream reset the connection; the client was reset too.
 *     rule      default/echo tcp[1]  config/virtual-service.yaml:24, generation 3
 *     to        echo-server.default.svc.cluster.local:19000 subset prod, at 127.0.20.1:9000
 *     times     dialed once, connected in 0.3 ms, first byte after 1.2 ms, lasted 340 ms
 *     bytes     120 B from the client, 4.0 kB from the upstream; 64 B of them were lost
 *     now       the same rule, generation 5
 */

import { styleText } from 'node:util'
import { wallNowMs } from '../base/clock.ts'
import { printable } from '../base/printable.ts'
import { whereText } from '../base/where-text.ts'
import type { Explanation } from '../table/explain/explanation.ts'
import { type Destination, destinationName } from '../table/plan/destination.ts'
import { type Env, wantsColours } from './env.ts'
import { clientText, type Ended, type Listed, type Open } from './live/connections.ts'
import { bytesText, countText, durationText, shareText } from './live/format.ts'
import { placeText } from './live/routes.ts'

type Way = {
  /** null: unknown. */
  readonly listener: string | null
  readonly destination: Destination | null
  /** null: unknown, as for the next. */
  readonly attempts: number | null
  readonly connectMs: number | null
  readonly toUpstreamBytes: number
  readonly fromUpstreamBytes: number
}
export type OpenOne = Open & Way
export type EndedOne = Omit<Ended, 'worker'> &
  Way & {
    readonly meaning: string
    readonly endedBy: string
    readonly deniedBy: string | null
    readonly firstByteMs: number | null
    readonly lostBytes: number
  }
/** A log told of it while it was open, and not again. */
export type OnceOpen = Omit<Listed, 'worker'> & Way & { readonly toldAt: string; readonly lastedMs: number }
export type One = OpenOne | EndedOne | OnceOpen

/** What the same connection would get; a text: why that cannot be said. */
export type Now = Explanation | string

/** Of an access log; null: a running gateway told of it. */
export type LogRecord = { readonly file: string; readonly line: number; readonly acceptedAt: string | null }

export const isEnded = (connection: One): connection is EndedOne => 'reason' in connection
const isOnceOpen = (connection: One): connection is OnceOpen => 'toldAt' in connection

/** What ended these came before weir had all that decides; of TLS, at the client’s side only. */
const UNREAD: ReadonlySet<string> = new Set([
  'proxy-invalid',
  'proxy-timeout',
  'no-sni',
  'hello-too-large',
  'hello-timeout',
  'tls-handshake',
  'tls-timeout',
  'tls-client-certificate',
])

const isUnread = (connection: One): boolean =>
  isEnded(connection)
    ? UNREAD.has(connection.reason) && connection.endpoint === null
    : 'state' in connection && connection.state === 'reading'

const UNKNOWN = 'depends on what it sends: weir had not read it'

type Question = {
  readonly gateway: string
  readonly to: string
  readonly from?: string
  readonly peer?: string
  readonly sni?: string
  readonly identity?: string
}

/**
 * Asks where the same connection would go now; a text: that cannot be said.
 *
 * @param gateway  The one that accepted it.
 */
export function questionOf(connection: One, gateway: string): Question | string {
  const { asked, client: from, peer, serverName, identity } = connection
  if (asked === null || gateway === '' || isUnread(connection)) return UNKNOWN
  return {
    gateway,
    to: asked,
    ...(from === null ? {} : { from: addressOf(from), peer: addressOf(peer ?? from) }),
    ...(serverName === null ? {} : { sni: serverName }),
    ...(identity === null ? {} : { identity }),
  }
}

const addressOf = (place: string): string => place.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')

export function whyText(connection: One, now: Now, env: Env, record: LogRecord | null = null): string {
  const [head, ...lines] = whyLines(connection, now, record).map(printable)
  const painted = wantsColours(env, env.stdout) ? styleText('bold', head, { validateStream: false }) : head
  return [painted, ...lines].map(line => `${line}\n`).join('')
}

export function whyLines(connection: One, now: Now, record: LogRecord | null = null): string[] {
  const way = `${clientText(connection)} → ${connection.asked ?? 'unknown'}`
  const lines = [
    ...(record === null ? [] : [['record', recordText(record)]]),
    ...(isEnded(connection) ? [['why', connection.meaning]] : []),
    ['rule', ruleText(connection)],
    ...(isEnded(connection) && connection.deniedBy !== null ? [['policy', connection.deniedBy]] : []),
    ...(connection.endpoint === null ? [] : [['to', endpointText(connection)]]),
    ['times', timesText(connection)],
    ['bytes', lossText(connection)],
    ['now', typeof now === 'string' ? now : nowText(connection, now, record !== null)],
  ]
  return [`${way}  ${headText(connection)}`, ...lines.map(([name, value]) => `  ${name.padEnd(10)}${value}`)]
}

const agoText = (at: string): string => durationText(Math.max(0, wallNowMs() - Date.parse(at)))

const recordText = ({ file, line, acceptedAt }: LogRecord): string =>
  `${whereText(file, line)}${acceptedAt === null ? '' : `, accepted at ${acceptedAt}`}`

function headText(connection: One): string {
  if (isOnceOpen(connection)) {
    const { toldAt, lastedMs } = connection
    return `open for ${durationText(lastedMs)} when the log last told of it, ${agoText(toldAt)} ago`
  }
  if (!isEnded(connection)) {
    const { ageMs, state, idleMs } = connection
    return `open for ${durationText(ageMs)}: ${state}, idle for ${durationText(idleMs)}`
  }
  const { endedAt, reason, errno, endedBy } = connection
  const by = BY[endedBy] ?? endedBy
  return `ended ${agoText(endedAt)} ago by ${by}: ${reason}${errno === null ? '' : ` (${errno})`}`
}

const BY: Readonly<Record<string, string>> = { client: 'the client', upstream: 'the upstream' }

function ruleText(connection: One): string {
  const { rule, outcome, generation } = connection
  const isAsked = outcome !== 'none' || (isEnded(connection) && connection.reason === 'no-route')
  const without = isAsked
    ? OUTCOMES[outcome]
    : isEnded(connection)
      ? 'none was asked before it ended'
      : 'none yet'
  return `${rule ? `${placeText(rule)}  ${whereText(rule.file, rule.line)}` : without}, generation ${generation}`
}

const OUTCOMES: Readonly<Record<string, string>> = {
  default: 'no rule: the service itself',
  passthrough: 'no rule: the address that it asked for',
  denied: 'no service of the mesh has this address',
  none: 'no rule of the listener',
}

const endpointText = ({ destination, endpoint }: One): string =>
  destination === null ? `${endpoint}` : `${destinationName(destination)}, at ${endpoint}`

function timesText(connection: One): string {
  const { attempts, connectMs } = connection
  const parts = [dialsText(connection)]
  if (connectMs !== null && connectMs > 0) parts.push(`connected in ${fineText(connectMs)}`)
  if (isEnded(connection)) {
    const { firstByteMs, lastedMs } = connection
    if (firstByteMs !== null) parts.push(`first byte after ${fineText(firstByteMs)}`)
    else if (attempts !== null && connectMs !== 0) parts.push('no byte from the upstream')
    parts.push(`lasted ${durationText(lastedMs)}`)
  }
  return parts.join(', ')
}

function dialsText({ attempts, endpoint }: One): string {
  if (attempts === null) return endpoint === null ? 'not dialed' : 'dialed'
  if (attempts === 0) return 'not dialed'
  return attempts === 1 ? 'dialed once' : `dialed ${countText(attempts)} times`
}

/** With tenths of milliseconds. */
const fineText = (ms: number): string => (ms < 100 ? `${Number(ms.toFixed(1))} ms` : durationText(ms))

function lossText(connection: One): string {
  const { fromClientBytes, fromUpstreamBytes, connectMs, endpoint } = connection
  const isConnected = connectMs === null ? endpoint !== null : connectMs > 0
  if (isEnded(connection) && !isConnected) {
    const read = `${bytesText(fromClientBytes)} from the client, which reached no upstream`
    return fromClientBytes === 0 ? 'none reached an upstream' : read
  }
  const came = `${bytesText(fromClientBytes)} from the client, ${bytesText(fromUpstreamBytes)} from the upstream`
  if (!isEnded(connection)) return came
  const { lostBytes } = connection
  return `${came}; ${lostBytes === 0 ? 'nothing was' : `${bytesText(lostBytes)} of them were`} lost`
}

/** @param isOfFiles  Files know no generation. */
function nowText(connection: One, now: Explanation, isOfFiles: boolean): string {
  const { rule, generation, outcome, destination } = connection
  if (now.ends !== null) return `reset, ${now.ends}: ${now.reason}`
  const isRule = rule && now.rule ? placeText(rule) === placeText(now.rule) : outcome === now.outcome
  const places = now.destinations.map(each => destinationName(each))
  const where = now.rule ? `${placeText(now.rule)}  ${whereText(now.rule.file, now.rule.line)}` : now.reason
  const shares = now.destinations.map(({ share }, index) => `${shareText(share)} ${places[index]}`)
  const leads = places.length === 0 ? '' : `, to ${(places.length === 1 ? places : shares).join(', ')}`
  if (isOfFiles) {
    const isSame = isRule && (destination === null || places.includes(destinationName(destination)))
    return `${isSame ? 'the same by the files' : 'by the files'}: ${where}${leads}`
  }
  if (isRule && now.generation === generation) return 'the same'
  return `${isRule ? 'the same rule' : where}, generation ${now.generation}${leads}`
}
