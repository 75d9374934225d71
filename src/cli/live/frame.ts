/**
 * One frame of `weir top`, as lines that fit the terminal, from two samples of the gateway.
 *
 *   weir 0.1.0  ready  generation 3  uring, 2 workers  up 3 h 5 min       127.0.0.1:15021
 *   connections   120 open    31 /s new   0.2 /s not served   1.2 MB/s in   34 MB/s out
 *
 *   RULE                              CONN/S   OPEN      ALL  SHARES (should be → is)
 *   default/echo tcp[1]                 30.1    118    9 812  80→79.4  20→20.6
 */

import { printable } from '../../base/printable.ts'
import { ORDINARY } from '../../stats/reasons.ts'
import { bytesText, countText, durationText, plural } from './format.ts'
import { isOff, placeText, type Routes, type Rule } from './routes.ts'
import { type Summary, stateText } from './status.ts'

export type Look = { readonly where: string; readonly summary: Summary; readonly routes: Routes }

type Size = { readonly columns: number; readonly rows: number }

export function frameLines(before: Look, now: Look, { columns, rows }: Size): string[] {
  const seconds = Math.max(1e-3, (now.summary.monotonicMs - before.summary.monotonicMs) / 1000)
  const head = headLines(before, now, seconds, columns)
  const earlier = new Map(before.routes.rules.map(each => [placeText(each.rule), each]))
  const listed = now.routes.rules.map(each => ({ each, rate: rateOf(each, earlier, seconds) }))
  const busiest = listed.toSorted((a, b) => b.rate - a.rate || b.each.connections - a.each.connections)
  const room = Math.max(0, rows - head.length - 1)
  const shown = busiest
    .slice(0, room)
    .map(({ each, rate }) => ruleLine(each, before === now ? '–' : countText(rate), columns))
  const rest = now.routes.total - shown.length
  const title = ruleRow('RULE', 'CONN/S', 'OPEN', 'ALL', 'SHARES: SHOULD BE → IS', columns)
  const lines = [...head, title, ...shown]
  if (rest > 0 && lines.length < rows) lines.push(`and ${rest} more rules`)
  return lines.slice(0, rows).map(line => clip(printable(line), columns))
}

function headLines(
  { summary: was }: Look,
  { where, summary }: Look,
  seconds: number,
  columns: number,
): string[] {
  const { version, engine, workers, generation, uptimeS, counters, lastReload } = summary
  const rate = (name: string): number => Math.max(0, counters[name] - was.counters[name]) / seconds
  const left = `weir ${version}  ${stateText(summary)}  generation ${generation}  ${engine}, ${workers} workers  up ${durationText(uptimeS * 1000)}`
  const perSecond = (name: string): string => (was === summary ? '– B/s' : `${bytesText(rate(name))}/s`)
  const perSecondText = (count: number): string => (was === summary ? '–' : countText(count))
  const failed = (unserved(summary) - unserved(was)) / seconds
  return [
    left + where.padStart(Math.max(where.length + 2, columns - left.length)),
    [
      `${countText(counters.open)} open`,
      `${perSecondText(rate('accepted'))} /s new`,
      `${perSecondText(Math.max(0, failed))} /s not served`,
      `${perSecond('clientBytes')} from clients`,
      `${perSecond('upstreamBytes')} to them`,
    ].join('   '),
    `reload ${lastReload.number} ${lastReload.outcome}, ${plural(lastReload.errors, 'error')}, ${plural(lastReload.warnings, 'warning')}   (q quits)`,
    '',
  ]
}

const unserved = ({ closed }: Summary): number =>
  Object.entries(closed).reduce((sum, [reason, count]) => (ORDINARY.has(reason) ? sum : sum + count), 0)

/** A rule that changed since the last sample has no rate yet. */
function rateOf(each: Rule, earlier: ReadonlyMap<string, Rule>, seconds: number): number {
  const was = earlier.get(placeText(each.rule))
  const same = was?.sinceGeneration === each.sinceGeneration
  return same ? Math.max(0, each.connections - was.connections) / seconds : 0
}

function ruleLine(each: Rule, rate: string, columns: number): string {
  const percent = (share: number): string => String(Number((share * 100).toFixed(1)))
  const shares =
    each.never === null
      ? each.destinations.flatMap(one =>
          one.configuredShare === null || each.destinations.length === 1
            ? []
            : [
                `${percent(one.configuredShare)}→${one.deliveredShare ? percent(one.deliveredShare.share) : '?'}${isOff(one) ? '!' : ''}`,
              ],
        )
      : ['never matches']
  const [all, open] = [countText(each.connections), countText(each.open)]
  return ruleRow(placeText(each.rule), rate, open, all, shares.join('  '), columns)
}

/** The rule's name gets the width that the figures leave, up to the longest name. */
function ruleRow(
  name: string,
  rate: string,
  open: string,
  all: string,
  shares: string,
  columns: number,
): string {
  const width = Math.min(44, Math.max(12, columns - 50))
  const figures = `${rate.padStart(8)}${open.padStart(8)}${all.padStart(10)}`
  return `${clip(name, width).padEnd(width)}${figures}  ${shares}`.trimEnd()
}

const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
