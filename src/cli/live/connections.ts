/**
 * `weir connections`: open connections, or those that ended last, with the rule and generation that
 * routed them.
 *
 * JSON output has one object per line, so that a long list can be streamed.
 */

import type { ConnectionQuery } from '../../admin/connection-filter.ts'
import { wallNowMs } from '../../base/clock.ts'
import { printable } from '../../base/printable.ts'
import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'
import { bytesText, columns, durationText } from './format.ts'
import { placeText, type Rule } from './routes.ts'

export type ConnectionsFlags = ConnectionQuery & {
  readonly ended?: boolean
  readonly limit: number
  readonly output: 'text' | 'json'
}

/** What open and ended ones have. */
export type Listed = {
  readonly id: number
  readonly worker: number
  readonly client: string | null
  readonly peer: string | null
  readonly asked: string | null
  readonly serverName: string | null
  readonly identity: string | null
  readonly endpoint: string | null
  readonly generation: number
  readonly rule: Rule['rule'] | null
  readonly outcome: string
  readonly fromClientBytes: number
  readonly toClientBytes: number
}

export type Open = Listed & { readonly state: string; readonly ageMs: number; readonly idleMs: number }

export type Ended = Listed & {
  readonly reason: string
  readonly lastedMs: number
  readonly endedAt: string
  readonly errno: string | null
}

type Page<Connection> = { readonly next: string | null; readonly connections: readonly Connection[] }

/** Page size of a request. */
const PAGE = 1_000

const OPEN_HEAD = ['CLIENT', 'TO', 'STATE', 'AGE', 'IDLE', 'FROM', 'SENT', 'GEN', 'RULE']
const ENDED_HEAD = ['CLIENT', 'TO', 'REASON', 'LASTED', 'AGO', 'FROM', 'SENT', 'GEN', 'RULE']
const RIGHT: ReadonlySet<number> = new Set([3, 4, 5, 6, 7])

export async function connections(client: Client, flags: ConnectionsFlags, env: Env): Promise<number> {
  const { ended, ...rest } = flags
  return ended
    ? await list<Ended>(client, '/connections/ended', rest, ENDED_HEAD, endedRow, env)
    : await list<Open>(client, '/connections', rest, OPEN_HEAD, openRow, env)
}

async function list<Connection extends Listed>(
  client: Client,
  path: string,
  flags: Omit<ConnectionsFlags, 'ended'>,
  head: readonly string[],
  row: (connection: Connection) => string[],
  env: Env,
): Promise<number> {
  const { limit, output, ...asked } = flags
  const found: Connection[] = []
  let cursor: string | undefined
  do {
    const page: Page<Connection> = await client.get(path, {
      ...asked,
      limit: Math.min(limit - found.length, PAGE),
      cursor,
    })
    found.push(...page.connections)
    cursor = page.next ?? undefined
    if (output === 'json') await writeLines(page.connections, env)
  } while (cursor !== undefined && found.length < limit)
  if (output === 'json') return Exit.ok
  const lines = columns([head, ...found.map(row)], RIGHT)
  if (cursor !== undefined) lines.push('and more: see --limit')
  env.stdout.write(lines.map(line => `${printable(line)}\n`).join(''))
  return Exit.ok
}

async function writeLines(list: readonly Listed[], env: Env): Promise<void> {
  env.stdout.write(list.map(each => `${JSON.stringify(each)}\n`).join(''))
  await env.stdout.flushed() // waits for a slow reader, so that memory stays bounded
}

/** The client that a load balancer named comes before the load balancer. */
export const clientText = ({ client, peer }: Pick<Listed, 'client' | 'peer'>): string =>
  `${client ?? 'unknown'}${peer === null ? '' : ` via ${peer}`}`

/** The destination, and the requested server name. */
export const targetText = ({ endpoint, asked, serverName }: Listed): string =>
  `${endpoint ?? asked ?? 'unknown'}${serverName ? ` for ${serverName}` : ''}`

const openRow = (each: Open): string[] => [
  clientText(each),
  targetText(each),
  each.state,
  durationText(each.ageMs),
  durationText(each.idleMs),
  ...lastCells(each),
]

const endedRow = (each: Ended): string[] => [
  clientText(each),
  targetText(each),
  `${each.reason}${each.errno === null ? '' : ` ${each.errno}`}`,
  durationText(each.lastedMs),
  durationText(Math.max(0, wallNowMs() - Date.parse(each.endedAt))),
  ...lastCells(each),
]

export const lastCells = (each: Listed): string[] => [
  bytesText(each.fromClientBytes),
  bytesText(each.toClientBytes),
  String(each.generation),
  each.rule ? placeText(each.rule) : each.outcome,
]
