/**
 * `weir why`: what became of a client's connections, and where they would go now.
 *
 *   10.0.0.7:43210 → 10.1.2.3:9000  ended 2.1 s ago: upstream-reset (ECONNRESET)
 *     why       The upstream reset the connection; the client was reset too.
 *     rule      default/echo tcp[1]  config/virtual-service.yaml:24, generation 3
 *     to        echo-server.default.svc.cluster.local:19000 subset prod, at 127.0.20.1:9000
 *     times     dialed once, connected in 0.3 ms, first byte after 1.2 ms, lasted 340 ms
 *     bytes     120 B from the client, 4.0 kB from the upstream; 64 B of them was lost
 *     now       the same rule, generation 5
 */

import { styleText } from 'node:util'
import { wallNowMs } from '../../base/clock.ts'
import { printable } from '../../base/printable.ts'
import { whereText } from '../../base/where-text.ts'
import type { Explanation } from '../../table/explain/explanation.ts'
import { type Env, Exit, wantsColours } from '../env.ts'
import type { Client } from './client.ts'
import { clientText, type Ended, type Open } from './connections.ts'
import { bytesText, countText, durationText } from './format.ts'
import { destinationText, placeText } from './routes.ts'

export type WhyFlags = {
  readonly client: string
  readonly limit: number
  readonly output: 'text' | 'json'
}

type Way = {
  readonly listener: string
  readonly destination: {
    readonly host: string
    readonly subset: string | null
    readonly port: number
  } | null
  readonly attempts: number
  readonly connectMs: number
  readonly toUpstreamBytes: number
  readonly fromUpstreamBytes: number
}
type OpenOne = Open & Way
type EndedOne = Ended &
  Way & {
    readonly meaning: string
    readonly endedBy: string
    readonly deniedBy: string | null
    readonly firstByteMs: number | null
    readonly lostBytes: number
  }
type One = OpenOne | EndedOne

export async function why(
  client: Client,
  { client: who, limit, output }: WhyFlags,
  env: Env,
): Promise<number> {
  const answers = await answersOf(client, who, limit)
  if (answers.length === 0) {
    env.stderr.write(`${who}: no open connection, and none among the last that ended\n`)
    return Exit.failed
  }
  if (output === 'json') env.stdout.write(answers.map(each => `${JSON.stringify(each)}\n`).join(''))
  else env.stdout.write(answers.map(each => text(each.connection, each.now, env)).join('\n'))
  return Exit.ok
}

const PAGE = 1_000

/** Open ones first, then the latest that ended. */
export async function answersOf(client: Client, who: string, limit: number) {
  const query = { client: who, limit: Math.min(limit, PAGE) }
  const [open, ended] = await Promise.all([
    client.get<{ connections: OpenOne[] }>('/connections', query),
    client.get<{ connections: EndedOne[] }>('/connections/ended', query),
  ])
  const found: One[] = [...open.connections, ...ended.connections].slice(0, limit)
  const ask = askerOf(client)
  const answers = []
  for (const connection of found) answers.push({ connection, now: await nowOf(ask, connection) })
  return answers
}

type Asker = (query: Readonly<Record<string, string | undefined>>) => Promise<Explanation>

/** Many connections of a client ask the same. */
function askerOf(client: Client): Asker {
  const known = new Map<string, Promise<Explanation>>()
  return query => {
    const key = JSON.stringify(query)
    const answer = known.get(key) ?? client.get<Explanation>('/explain', query)
    known.set(key, answer)
    return answer
  }
}

/** What the same connection would get now; null: that cannot be said. */
async function nowOf(ask: Asker, connection: One): Promise<Explanation | null> {
  const { listener, asked, client: from, peer, serverName, identity } = connection
  const [gateway] = listener.split(' ')
  if (asked === null || !gateway || isUnread(connection)) return null
  return await ask({
    gateway,
    to: asked,
    from: addressOf(from),
    peer: addressOf(peer ?? from),
    sni: serverName ?? undefined,
    identity: identity ?? undefined,
  })
}

const addressOf = (place: string | null): string | undefined =>
  place?.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')

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
    : connection.state === 'reading'

const isEnded = (connection: One): connection is EndedOne => 'reason' in connection

function text(connection: One, now: Explanation | null, env: Env): string {
  const [head, ...lines] = whyLines(connection, now).map(printable)
  const painted = wantsColours(env, env.stdout) ? styleText('bold', head, { validateStream: false }) : head
  return [painted, ...lines].map(line => `${line}\n`).join('')
}

export function whyLines(connection: One, now: Explanation | null): string[] {
  const way = `${clientText(connection)} → ${connection.asked ?? 'unknown'}`
  const head = `${way}  ${isEnded(connection) ? endedText(connection) : openText(connection)}`
  const lines = [
    ...(isEnded(connection) ? [['why', connection.meaning]] : []),
    ['rule', ruleText(connection)],
    ...(isEnded(connection) && connection.deniedBy !== null ? [['policy', connection.deniedBy]] : []),
    ...(connection.endpoint === null ? [] : [['to', endpointText(connection)]]),
    ['times', timesText(connection)],
    ['bytes', lossText(connection)],
    ['now', now === null ? UNKNOWN : nowText(connection, now)],
  ]
  return [head, ...lines.map(([name, value]) => `  ${name.padEnd(10)}${value}`)]
}

const openText = ({ state, ageMs, idleMs }: OpenOne): string =>
  `open for ${durationText(ageMs)}: ${state}, idle for ${durationText(idleMs)}`

function endedText({ endedAt, reason, errno, endedBy }: EndedOne): string {
  const ago = durationText(Math.max(0, wallNowMs() - Date.parse(endedAt)))
  return `ended ${ago} ago by ${BY[endedBy] ?? endedBy}: ${reason}${errno === null ? '' : ` (${errno})`}`
}

const BY: Readonly<Record<string, string>> = { client: 'the client', upstream: 'the upstream' }

const UNKNOWN = 'depends on what it sends: weir had not read it'

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
  destination === null ? `${endpoint}` : `${destinationText(destination)}, at ${endpoint}`

function timesText(connection: One): string {
  const { attempts, connectMs } = connection
  const parts = [
    attempts === 0 ? 'not dialed' : attempts === 1 ? 'dialed once' : `dialed ${countText(attempts)} times`,
    ...(connectMs > 0 ? [`connected in ${fineText(connectMs)}`] : []),
  ]
  if (isEnded(connection)) {
    const { firstByteMs, lastedMs } = connection
    if (firstByteMs !== null) parts.push(`first byte after ${fineText(firstByteMs)}`)
    else if (connectMs > 0) parts.push('no byte from the upstream')
    parts.push(`lasted ${durationText(lastedMs)}`)
  }
  return parts.join(', ')
}

/** With tenths of milliseconds. */
const fineText = (ms: number): string => (ms < 100 ? `${Number(ms.toFixed(1))} ms` : durationText(ms))

function lossText(connection: One): string {
  const { fromClientBytes, fromUpstreamBytes, connectMs } = connection
  if (isEnded(connection) && connectMs === 0) {
    const read = `${bytesText(fromClientBytes)} from the client, which reached no upstream`
    return fromClientBytes === 0 ? 'none reached an upstream' : read
  }
  const came = `${bytesText(fromClientBytes)} from the client, ${bytesText(fromUpstreamBytes)} from the upstream`
  if (!isEnded(connection)) return came
  const { lostBytes } = connection
  return `${came}; ${lostBytes === 0 ? 'nothing' : `${bytesText(lostBytes)} of them`} ${lostBytes === 0 ? 'was' : 'were'} lost`
}

function nowText({ rule, generation, outcome }: One, now: Explanation): string {
  if (now.ends !== null) return `reset, ${now.ends}: ${now.reason}`
  const isSame = rule && now.rule ? placeText(rule) === placeText(now.rule) : outcome === now.outcome
  if (isSame && now.generation === generation) return 'the same'
  const to = now.destinations.map(each => destinationText(each)).join(', ')
  const where = now.rule ? `${placeText(now.rule)}  ${whereText(now.rule.file, now.rule.line)}` : now.reason
  const leads = to === '' ? '' : `, to ${to}`
  return `${isSame ? 'the same rule' : where}, generation ${now.generation}${leads}`
}
