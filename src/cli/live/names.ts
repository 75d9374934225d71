/**
 * `weir names`: the DNS names of endpoints with their addresses, those that fail first.
 *
 *   NAME             STATE       FOR    NEXT   SOURCE  ADDRESSES
 *   db.example.com   unresolved  3.0 s  1.0 s
 *     NXDOMAIN
 *   web.example.com  resolved    1 h    12 s   dns     10.0.0.1, 10.0.0.2
 */

import { printable } from '../../base/printable.ts'
import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'
import { columns, countText, durationText } from './format.ts'

export type NamesFlags = {
  readonly name?: string
  readonly state?: string
  readonly limit: number
  readonly output: 'text' | 'json'
}

type Name = {
  readonly name: string
  readonly state: string
  readonly why: string | null
  readonly addresses: readonly string[]
  readonly source: string | null
  readonly asked: string | null
  readonly forS: number
  readonly nextS: number
  readonly destinations: readonly string[]
}

type Names = {
  readonly generation: number
  readonly total: number
  readonly next: string | null
  readonly states: Readonly<Record<string, number>>
  readonly names: readonly Name[]
}

/** What one request asks for at most. */
const PAGE = 1_000
/** Addresses in a line. */
const ADDRESSES_MAX = 8

export async function names(client: Client, flags: NamesFlags, env: Env): Promise<number> {
  const { limit, output, ...asked } = flags
  let page: Names = await client.get('/names', { ...asked, limit: Math.min(limit, PAGE) })
  const all = [...page.names]
  while (page.next !== null && all.length < limit) {
    const size = Math.min(limit - all.length, PAGE)
    page = await client.get('/names', { ...asked, limit: size, cursor: page.next })
    all.push(...page.names)
  }
  const { generation, total, states } = page
  if (output === 'json') {
    env.stdout.write(`${JSON.stringify({ generation, total, states, names: all }, null, 2)}\n`)
    return Exit.ok
  }
  const rest = total - all.length
  const lines = [...table(all), ...(rest > 0 ? [`and ${countText(rest)} more: see --limit`] : [])]
  env.stdout.write(lines.map(line => `${printable(line)}\n`).join(''))
  return Exit.ok
}

function table(all: readonly Name[]): string[] {
  if (all.length === 0) return ['no name']
  const head = ['NAME', 'STATE', 'FOR', 'NEXT', 'SOURCE', 'ADDRESSES']
  const rows = all.map(each => [
    each.name,
    each.state,
    durationText(each.forS * 1000),
    durationText(each.nextS * 1000),
    each.source ?? '',
    addressesText(each.addresses),
  ])
  const [first, ...lines] = columns([head, ...rows], new Set())
  return [first, ...lines.flatMap((line, index) => [line, ...moreLines(all[index])])]
}

function addressesText(addresses: readonly string[]): string {
  const rest = addresses.length - ADDRESSES_MAX
  return addresses.slice(0, ADDRESSES_MAX).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

/** Why it is not resolved, and by which other name it is. */
function moreLines({ name, asked, why, source }: Name): string[] {
  const isOther = source === 'dns' && asked !== null && asked !== name.toLowerCase().replace(/\.$/, '')
  return [...(why === null ? [] : [`  ${why}`]), ...(isOther ? [`  as ${asked}, by the search list`] : [])]
}

/** "2 unresolved, 1 stale"; '' if every name resolves. */
export function failingText(states: Readonly<Record<string, number>>): string {
  return ['unresolved', 'stale', 'partial']
    .filter(state => states[state] > 0)
    .map(state => `${countText(states[state])} ${state}`)
    .join(', ')
}
