/**
 * `weir routes`: rules with their hits, and the delivered beside the configured share of each
 * destination.
 *
 *   default/echo tcp[1]  config/virtual-service.yaml:24
 *     1 234 connections, 12 open, the last 3.4 s ago
 *       80 %   got 79.4 %  (77.0 – 81.6)  981  echo-server.default.svc.cluster.local:19000 subset prod
 *       20 %   got 20.6 %  (18.4 – 23.0)  253  echo-server.default.svc.cluster.local:19000 subset gray
 */

import { styleText } from 'node:util'
import { wallNowMs } from '../../base/clock.ts'
import { printable } from '../../base/printable.ts'
import { whereText } from '../../base/where-text.ts'
import { type Destination, destinationName } from '../../table/plan/destination.ts'
import { type Env, Exit, wantsColours } from '../env.ts'
import type { Client } from './client.ts'
import { columns, countText, durationText, plural, shareText } from './format.ts'

export type RoutesFlags = {
  readonly virtualService?: string
  readonly listener?: string
  readonly hit?: boolean
  readonly order: 'written' | 'hits'
  readonly limit: number
  readonly output: 'text' | 'json'
}

type Delivered = { readonly connections: number; readonly open: number; readonly lastAt: string | null }

/** Where a rule is written. */
export type Origin = {
  readonly virtualService: string
  readonly block: string
  readonly route: number
  readonly match: number | null
  readonly file: string
  readonly line: number
}

export type Rule = Delivered & {
  readonly rule: Origin
  readonly never: string | null
  readonly serverNames: readonly string[]
  readonly split: string | null
  readonly sinceGeneration: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly destinations: readonly (Delivered &
    Destination & {
      readonly configuredShare: number | null
      readonly deliveredShare: {
        readonly share: number
        readonly low: number
        readonly high: number
        readonly verdict: 'too-few' | 'as-asked' | 'off' | null
      } | null
      readonly clients: number | null
      readonly givenAway: number
      readonly takenOver: number
    })[]
}

type Unruled = Delivered & {
  readonly destination: Destination | null
  readonly other: boolean
}

export type Routes = {
  readonly generation: number
  readonly total: number
  readonly next: string | null
  readonly rules: readonly Rule[]
  readonly unruled: readonly Unruled[]
}

/** Page size of a request. */
const PAGE = 1_000

export async function routes(client: Client, flags: RoutesFlags, env: Env): Promise<number> {
  const { limit, output, ...asked } = flags
  const rules: Rule[] = []
  let page: Routes = await client.get('/routes', { ...asked, limit: Math.min(limit, PAGE) })
  rules.push(...page.rules)
  while (page.next !== null && rules.length < limit) {
    const size = Math.min(limit - rules.length, PAGE)
    page = await client.get('/routes', { ...asked, limit: size, cursor: page.next })
    rules.push(...page.rules)
  }
  const { generation, total, unruled } = page
  if (output === 'json') {
    env.stdout.write(`${JSON.stringify({ generation, total, rules, unruled }, null, 2)}\n`)
    return Exit.ok
  }
  const colours = wantsColours(env, env.stdout)
  const blocks = rules.map(each => ruleLines(each, colours).join('\n'))
  const rest = total - rules.length
  const lines = [...blocks, ...unruledLines(unruled), ...(rest > 0 ? [`and ${rest} more: see --limit`] : [])]
  env.stdout.write((lines.length === 0 ? ['no rule'] : lines).map(text => `${text}\n`).join(''))
  return Exit.ok
}

export const placeText = ({ virtualService, block, route, match }: Rule['rule']): string =>
  `${virtualService} ${block}[${route}]${match === null ? '' : `.match[${match}]`}`

export const isOff = ({ deliveredShare }: Rule['destinations'][number]): boolean =>
  deliveredShare?.verdict === 'off'

function ruleLines(each: Rule, colours: boolean): string[] {
  const { rule, never, serverNames, destinations } = each
  const head = printable(`${placeText(rule)}  ${whereText(rule.file, rule.line)}`)
  const painted = colours ? styleText('bold', head, { validateStream: false }) : head
  const names = serverNames.length === 0 ? [] : [printable(`  sniHosts ${serverNames.join(' ')}`)]
  if (never !== null) return [painted, ...names, printable(`  never matches: ${never}`)]
  const rows = destinations.map(one => [
    one.configuredShare === null ? 'was' : shareText(one.configuredShare, 2),
    ...bandTexts(one),
    countText(one.connections),
    `${destinationName(one)}${clientsText(one)}${givenText(one)}`,
  ])
  return [
    painted,
    ...names,
    `  ${deliveredText(each)}`,
    ...columns(rows, new Set([0, 1, 3])).map(line => `    ${printable(line)}`),
  ]
}

const VERDICTS = { 'too-few': 'too few to say', 'as-asked': 'as asked', off: '! off' }

/** Its share is one of clients. */
const clientsText = ({ clients }: Rule['destinations'][number]): string =>
  clients === null ? '' : `, ${plural(clients, 'client')}`

/** What it gave to others, or got from them, since a destination was down. */
function givenText({ givenAway, takenOver }: Rule['destinations'][number]): string {
  const gave = givenAway > 0 ? [`gave ${countText(givenAway)} to others while down`] : []
  const got = takenOver > 0 ? [`got ${countText(takenOver)} of others`] : []
  const texts = [...gave, ...got]
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`
}

/** What a destination got, and the bounds of it. */
export function bandTexts(
  one: Pick<Rule['destinations'][number], 'deliveredShare'>,
): [got: string, band: string] {
  if (one.deliveredShare === null) return ['', '']
  const { share, low, high, verdict } = one.deliveredShare
  const percent = (value: number) => (value * 100).toFixed(1)
  const said = verdict === null ? '' : ` ${VERDICTS[verdict]}`
  return [`got ${percent(share)} %`, `(${percent(low)} – ${percent(high)})${said}`]
}

function deliveredText({ connections, open, lastAt }: Delivered): string {
  const last =
    lastAt === null ? '' : `, the last ${durationText(Math.max(0, wallNowMs() - Date.parse(lastAt)))} ago`
  return `${countText(connections)} ${connections === 1 ? 'connection' : 'connections'}, ${countText(open)} open${last}`
}

const unruledLines = (unruled: readonly Unruled[]): string[] =>
  unruled.map(each => {
    const to = each.other ? 'other' : each.destination ? destinationName(each.destination) : 'as asked'
    return `no rule, on to ${printable(to)}\n  ${deliveredText(each)}`
  })
