/**
 * `weir endpoints`: what weir thinks of each endpoint, and why; `weir endpoint drain` and `enable`:
 * an operator's word on one.
 *
 *   ENDPOINT       STATE    OPEN  P50     P99     LAST ERROR              DESTINATION
 *   10.0.0.11:80   up         12  0.4 ms  1.2 ms                          orders.shop:80 subset v1
 *   10.0.0.12:80   ejected     0  0.4 ms  1.2 ms  ECONNREFUSED 3.0 s ago  orders.shop:80 subset v1
 *     outlierDetection has ejected it, for the 1st time; it is back in 27.0 s
 */

import { printable } from '../../base/printable.ts'
import { type Destination, destinationName } from '../../table/plan/destination.ts'
import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'
import { columns, countText, durationText, plural } from './format.ts'
import { failingText } from './names.ts'

export type EndpointsFlags = {
  readonly endpoint?: string
  readonly destination?: string
  readonly state?: string
  readonly limit: number
  readonly output: 'text' | 'json'
}

export type Endpoint = {
  readonly endpoint: string
  readonly destination: Destination
  readonly state: string
  readonly why: string | null
  readonly priority: number | null
  readonly locality: string | null
  readonly groupShare: number | null
  readonly checkedBy: string | null
  readonly open: number
  readonly connections: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly lastError: { readonly error: string; readonly agoS: number } | null
  readonly connectMs: { readonly p50: number | null; readonly p99: number | null }
}

export type Endpoints = {
  readonly generation: number
  readonly total: number
  readonly next: string | null
  readonly states: Readonly<Record<string, number>>
  readonly names: Readonly<Record<string, number>>
  readonly endpoints: readonly Endpoint[]
}

/** What one request asks for at most. */
const PAGE = 1_000

export async function endpoints(client: Client, flags: EndpointsFlags, env: Env): Promise<number> {
  const { limit, output, ...asked } = flags
  let page: Endpoints = await client.get('/endpoints', { ...asked, limit: Math.min(limit, PAGE) })
  const all = [...page.endpoints]
  while (page.next !== null && all.length < limit) {
    const size = Math.min(limit - all.length, PAGE)
    page = await client.get('/endpoints', { ...asked, limit: size, cursor: page.next })
    all.push(...page.endpoints)
  }
  const { generation, total, states, names } = page
  if (output === 'json') {
    env.stdout.write(`${JSON.stringify({ generation, total, states, names, endpoints: all }, null, 2)}\n`)
    return Exit.ok
  }
  const rest = total - all.length
  const failing = failingText(names)
  const lines = [
    ...table(all),
    ...(rest > 0 ? [`and ${countText(rest)} more: see --limit`] : []),
    ...(failing === '' ? [] : [`DNS names: ${failing}; see weir names`]),
  ]
  env.stdout.write(lines.map(line => `${printable(line)}\n`).join(''))
  return Exit.ok
}

function table(all: readonly Endpoint[]): string[] {
  if (all.length === 0) return ['no endpoint']
  const isGrouped = all.some(({ priority }) => priority !== null)
  const grouped = (cells: readonly string[]): readonly string[] => (isGrouped ? cells : [])
  const head = [
    'ENDPOINT',
    'STATE',
    ...grouped(['PRIORITY', 'LOCALITY', 'SHARE']),
    'OPEN',
    'P50',
    'P99',
    'CHECK',
    'LAST ERROR',
    'DESTINATION',
  ]
  const rows = all.map(each => [
    each.endpoint,
    each.state,
    ...grouped([each.priority?.toString() ?? '', each.locality ?? '', shareText(each.groupShare)]),
    countText(each.open),
    millisecondsText(each.connectMs.p50),
    millisecondsText(each.connectMs.p99),
    each.checkedBy ?? '',
    each.lastError === null ? '' : `${each.lastError.error} ${durationText(each.lastError.agoS * 1000)} ago`,
    destinationName(each.destination),
  ])
  const numbers = isGrouped ? [2, 4, 5, 6, 7] : [2, 3, 4]
  const [first, ...lines] = columns([head, ...rows], new Set(numbers))
  return [first, ...lines.flatMap((line, index) => [line, ...whyLines(all[index])])]
}

const shareText = (share: number | null): string => (share === null ? '' : `${Math.round(share * 100)} %`)

const whyLines = ({ why }: Endpoint): string[] => (why === null ? [] : [`  ${why}`])

export const millisecondsText = (ms: number | null): string => {
  if (ms === null) return ''
  return ms < 1 ? `${ms.toFixed(2)} ms` : durationText(ms)
}

export type EndpointFlags = { readonly closeOver?: number; readonly output: 'text' | 'json' }

type Change = {
  readonly endpoints: readonly string[]
  readonly emptied: readonly string[]
  readonly closing: number
}

export async function endpointDrain(
  client: Client,
  endpoint: string,
  { closeOver, output }: EndpointFlags,
  env: Env,
): Promise<number> {
  const closeOverS = closeOver === undefined ? {} : { closeOverS: closeOver / 1000 }
  const change = await client.send<Change>('POST', '/endpoints/drain', { endpoint, ...closeOverS })
  const { endpoints: all, emptied, closing } = change
  if (output === 'json') env.stdout.write(`${JSON.stringify(change, null, 2)}\n`)
  else {
    env.stdout.write(`${all.join(', ')}: out of rotation, until enabled or until weir restarts\n`)
    if (closeOver !== undefined)
      env.stdout.write(`  ${plural(closing, 'connection')} reset over ${durationText(closeOver)}\n`)
    for (const each of emptied)
      env.stderr.write(
        printable(`warning: ${each} has no endpoint left: its connections are reset`).concat('\n'),
      )
  }
  return Exit.ok
}

export async function endpointEnable(
  client: Client,
  endpoint: string,
  { output }: EndpointFlags,
  env: Env,
): Promise<number> {
  const change = await client.send<Change>('POST', '/endpoints/enable', { endpoint })
  if (output === 'json') env.stdout.write(`${JSON.stringify(change, null, 2)}\n`)
  else env.stdout.write(`${change.endpoints.join(', ') || endpoint}: in rotation again\n`)
  return Exit.ok
}
