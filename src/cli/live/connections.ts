/**
 * `weir connections`: open connections, with the rule and generation that routed them.
 *
 * JSON output has one object per line, so that a long list can be streamed.
 */

import type { ConnectionQuery } from '../../admin/connection-filter.ts'
import { printable } from '../../base/printable.ts'
import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'
import { bytesText, columns, durationText } from './format.ts'
import { placeText, type Rule } from './routes.ts'

export type ConnectionsFlags = ConnectionQuery & {
  readonly limit: number
  readonly output: 'text' | 'json'
}

type Connection = {
  readonly id: number
  readonly state: string
  readonly client: string | null
  readonly peer: string | null
  readonly asked: string | null
  readonly serverName: string | null
  readonly endpoint: string | null
  readonly generation: number
  readonly rule: Rule['rule'] | null
  readonly outcome: string
  readonly ageMs: number
  readonly idleMs: number
  readonly fromClientBytes: number
  readonly toClientBytes: number
}

type Page = {
  readonly total: number
  readonly next: string | null
  readonly connections: readonly Connection[]
}

/** Page size of a request. */
const PAGE = 1_000

const HEAD = ['CLIENT', 'TO', 'STATE', 'AGE', 'IDLE', 'FROM', 'SENT', 'GEN', 'RULE']
const RIGHT: ReadonlySet<number> = new Set([3, 4, 5, 6, 7])

export async function connections(client: Client, flags: ConnectionsFlags, env: Env): Promise<number> {
  const { limit, output, ...asked } = flags
  const found: Connection[] = []
  let cursor: string | undefined
  do {
    const page: Page = await client.get('/connections', {
      ...asked,
      limit: Math.min(limit - found.length, PAGE),
      cursor,
    })
    found.push(...page.connections)
    cursor = page.next ?? undefined
    if (output === 'json') await writeLines(page.connections, env)
  } while (cursor !== undefined && found.length < limit)
  if (output === 'json') return Exit.ok
  const lines = columns([HEAD, ...found.map(row)], RIGHT)
  if (cursor !== undefined) lines.push('and more: see --limit')
  env.stdout.write(lines.map(line => `${printable(line)}\n`).join(''))
  return Exit.ok
}

async function writeLines(list: readonly Connection[], env: Env): Promise<void> {
  env.stdout.write(list.map(each => `${JSON.stringify(each)}\n`).join(''))
  await env.stdout.flushed() // waits for a slow reader, so that memory stays bounded
}

/** The client that a load balancer named comes before the load balancer. */
const clientText = ({ client, peer }: Connection): string =>
  `${client ?? 'unknown'}${peer === null ? '' : ` via ${peer}`}`

/** The destination, and the requested server name. */
const targetText = ({ endpoint, asked, serverName }: Connection): string =>
  `${endpoint ?? asked ?? 'unknown'}${serverName ? ` for ${serverName}` : ''}`

const row = (each: Connection): string[] => [
  clientText(each),
  targetText(each),
  each.state,
  durationText(each.ageMs),
  durationText(each.idleMs),
  bytesText(each.fromClientBytes),
  bytesText(each.toClientBytes),
  String(each.generation),
  each.rule ? placeText(each.rule) : each.outcome,
]
