/**
 * `weir canary`: how the destinations of each weighted rule do beside each other.
 *
 *   default/echo tcp[2]  config/virtual-service.yaml:36, since generation 3
 *     80 %  prod  12 018 connections, 12 030 dials, 0.1 % fail; 11 990 ended: 0 % reset, 1.2 % within a second, 0 % silent
 *                 connect p50 0.3 ms, p99 1.2 ms; first byte p50 2.0 ms, p99 8.1 ms; lasted p50 12 s, p99 3 min
 *     20 %  gray   2 941 connections, 3 004 dials, 2.1 % fail; …
 *     gray: 2.1 % of dials fail, 0.1 % with prod: worse, sure
 *     gray: connect p99 12 ms, 1.2 ms with prod: slower, sure: at least 6.8 times as long
 */

import { styleText } from 'node:util'
import { printable } from '../../base/printable.ts'
import { whereText } from '../../base/where-text.ts'
import { type Destination, destinationName } from '../../table/plan/destination.ts'
import { type Env, Exit, wantsColours } from '../env.ts'
import type { Client } from './client.ts'
import { bytesText, columns, countText, durationText, plural, shareText } from './format.ts'
import { placeText, type Rule } from './routes.ts'

export type CanaryFlags = { readonly rule?: string; readonly limit: number; readonly output: 'text' | 'json' }

type Rate = { readonly count: number; readonly of: number; readonly share: number } | null
type Quantiles = { readonly p50: number; readonly p99: number; readonly count: number } | null
type RateName = 'failedDials' | 'resets' | 'brief' | 'silent'

type Arm = Destination & {
  readonly [name in RateName]: Rate
} & {
  readonly configuredShare: number
  readonly connections: number
  readonly connectMs: Quantiles
  readonly firstByteMs: Quantiles
  readonly lastedMs: Quantiles
  readonly receivedBytes: number
  readonly sentBytes: number
}

type Comparison = {
  readonly rate: RateName
  readonly arm: number
  readonly beside: number
  readonly verdict: 'worse' | 'better' | 'none-seen' | 'none'
  readonly needs: number | null
}

type TimesComparison = {
  readonly time: 'connectMs' | 'firstByteMs'
  readonly part: 'p50' | 'p99'
  readonly arm: number
  readonly beside: number
  readonly verdict: Comparison['verdict']
  readonly atLeast: number
  readonly atMost: number | null
  readonly needs: number | null
}

type Canary = {
  readonly rule: Rule['rule']
  readonly sinceGeneration: number
  readonly destinations: readonly Arm[]
  readonly comparisons: readonly Comparison[]
  readonly times: readonly TimesComparison[]
}

type Page = { readonly total: number; readonly rules: readonly Canary[] }

const PAGE = 1_000

export async function canary(
  client: Client,
  { output, limit, rule }: CanaryFlags,
  env: Env,
): Promise<number> {
  const page: Page = await client.get('/canary', { rule, limit: Math.min(limit, PAGE) })
  if (output === 'json') {
    env.stdout.write(`${JSON.stringify(page, null, 2)}\n`)
    return Exit.ok
  }
  const colours = wantsColours(env, env.stdout)
  const blocks = page.rules.map(each => textOf(each, colours))
  const rest = page.total - page.rules.length
  if (page.total === 0)
    blocks.push(rule === undefined ? 'no weighted rule\n' : `no weighted rule is ${rule}\n`)
  if (rest > 0) blocks.push(`and ${rest} more: see --limit\n`)
  env.stdout.write(blocks.join(''))
  return Exit.ok
}

function textOf(
  { rule, sinceGeneration, destinations, comparisons, times }: Canary,
  colours: boolean,
): string {
  const head = printable(
    `${placeText(rule)}  ${whereText(rule.file, rule.line)}, since generation ${sinceGeneration}`,
  )
  const names = shortNames(destinations)
  const rows = destinations.flatMap((each, index) => [
    [shareText(each.configuredShare, 2), names[index], countsText(each)],
    ['', '', timesText(each)],
  ])
  const lines = [
    ...columns(rows, new Set([0])).map(line => `  ${line}`),
    ...comparisons.map(each => `  ${comparisonText(each, destinations, names)}`),
    ...times.map(each => `  ${timesComparisonText(each, destinations, names)}`),
  ]
  const painted = colours ? styleText('bold', head, { validateStream: false }) : head
  return [painted, ...lines.map(printable)].map(line => `${line}\n`).join('')
}

/** Subsets where they tell destinations apart, else hosts. */
function shortNames(arms: readonly Arm[]): string[] {
  const subsets = arms.map(({ subset }) => subset ?? '')
  return new Set(subsets).size === arms.length && !subsets.includes('')
    ? subsets
    : arms.map(each => destinationName(each))
}

function countsText({ connections, failedDials, resets, brief, silent }: Arm): string {
  if (failedDials === null) return 'no connection yet'
  const dials = `${plural(connections, 'connection')}, ${plural(failedDials.of, 'dial')}, ${percentText(failedDials)} fail`
  if (resets === null) return dials
  return `${dials}; ${countText(resets.of)} ended: ${percentText(resets)} reset, ${percentText(brief)} within a second, ${percentText(silent)} silent`
}

function timesText({ connectMs, firstByteMs, lastedMs, receivedBytes, sentBytes }: Arm): string {
  const times = [
    ['connect', connectMs],
    ['first byte', firstByteMs],
    ['lasted', lastedMs],
  ] as const
  const shown = times.flatMap(([name, quantiles]) =>
    quantiles ? [`${name} p50 ${timeText(quantiles.p50)}, p99 ${timeText(quantiles.p99)}`] : [],
  )
  return [...shown, `${bytesText(receivedBytes)} in, ${bytesText(sentBytes)} out`].join('; ')
}

const timeText = (ms: number): string => (ms < 100 ? `${Number(ms.toFixed(1))} ms` : durationText(ms))
const percentText = (rate: Rate): string => (rate === null ? '–' : shareText(rate.share))

const WORDS: { readonly [name in RateName]: string } = {
  failedDials: 'of dials fail',
  resets: 'of connections are reset by the server',
  brief: 'of connections end within a second',
  silent: 'of connections end without a byte from the server',
}

function comparisonText(
  { rate, arm, beside, verdict, needs }: Comparison,
  arms: readonly Arm[],
  names: readonly string[],
): string {
  const words = `${names[arm]}: ${percentText(arms[arm]?.[rate] ?? null)} ${WORDS[rate]}, ${percentText(arms[beside]?.[rate] ?? null)} with ${names[beside]}`
  if (verdict === 'worse' || verdict === 'better') return `${words}: ${JUDGED[rate][verdict]}, sure`
  return verdict === 'none'
    ? `${words}: no difference of two points`
    : `${words}: no difference seen yet; ${countText(needs ?? 0)} more connections would show one of two points`
}

const TIME_WORDS = { connectMs: 'connect', firstByteMs: 'first byte' }

function timesComparisonText(
  { time, part, arm, beside, verdict, atLeast, atMost, needs }: TimesComparison,
  arms: readonly Arm[],
  names: readonly string[],
): string {
  const text = (index: number): string => timeText(arms[index]?.[time]?.[part] ?? 0)
  const words = `${names[arm]}: ${TIME_WORDS[time]} ${part} ${text(arm)}, ${text(beside)} with ${names[beside]}`
  if (verdict === 'worse') return `${words}: slower, sure: at least ${timesAs(atLeast)} as long`
  if (verdict === 'better') return `${words}: quicker, sure: at most ${timesAs(atMost ?? 1)} as long`
  if (verdict === 'none') return `${words}: no difference of a quarter`
  const range = atMost === null ? '' : `, ${timesAs(atLeast, atMost)} as long`
  const more =
    needs === null
      ? '; far more connections are needed'
      : `; ${countText(needs)} more connections would show one of a quarter`
  return `${words}: no difference seen yet${range}${more}`
}

const factor = (times: number): string => String(Number(times.toPrecision(2)))
const timesAs = (least: number, most?: number): string =>
  `${factor(least)}${most === undefined ? '' : ` to ${factor(most)}`} times`

/** Short connections are no fault in themselves. */
const JUDGED: { readonly [name in RateName]: { readonly worse: string; readonly better: string } } = {
  failedDials: { worse: 'worse', better: 'better' },
  resets: { worse: 'worse', better: 'better' },
  brief: { worse: 'more', better: 'fewer' },
  silent: { worse: 'more', better: 'fewer' },
}
