/** Rules in `weir top`: searched, filtered and paged by the gateway; by rate, sorted here. */

import { destinationName } from '../../../table/plan/destination.ts'
import type { Client } from '../client.ts'
import { bytesText, countText } from '../format.ts'
import { isOff, placeText, type Routes, type Rule } from '../routes.ts'
import type { Cell, Column, Counts, Page, Rates, Row } from './list.ts'
import { type Level, orderOf, showOf } from './state.ts'

/** Rules of one answer: more than a tall terminal shows. */
const PAGE = 200

const COLUMNS: readonly Column[] = [
  { title: 'RULE', drop: 0, order: 'rule' },
  { title: 'CONN/S', isRight: true, least: 7, drop: 1, order: 'conn/s' },
  { title: 'OPEN', isRight: true, least: 7, drop: 2, order: 'open' },
  { title: 'ALL', isRight: true, least: 9, drop: 4, order: 'all' },
  { title: 'BYTES/S', isRight: true, least: 8, drop: 5 },
  { title: 'SHARES: SHOULD BE → IS', cutTo: 12, drop: 3 },
]

/** What was hit last was hit since the last look, if it has a rate. */
const ASKED: Readonly<Record<string, string>> = {
  'conn/s': 'last',
  open: 'open',
  all: 'hits',
  written: 'written',
  rule: 'name',
}

export async function lookAtRules(client: Client, level: Level): Promise<Page> {
  const order = orderOf(level)
  const isByRate = order === 'conn/s'
  const show = showOf(level)
  const offset = isByRate ? 0 : Math.max(0, level.at - PAGE / 2)
  const routes = await client.get<Routes>('/routes', {
    order: ASKED[order],
    limit: PAGE,
    search: level.filter === '' ? undefined : level.filter,
    show: show === 'all' ? undefined : show,
    ...(offset > 0 ? { offset } : {}),
    ...(level.isReversed && !isByRate ? { reverse: true } : {}),
  })
  return rulesPage(routes, level, offset)
}

export function rulesPage({ rules, total }: Routes, level: Level, first: number): Page {
  const isByRate = orderOf(level) === 'conn/s'
  const reached = isByRate ? rules.length : total
  return {
    head: 'Rules',
    total: reached,
    first,
    more: total > reached ? `and ${countText(total - reached)} more rules` : '',
    empty: level.filter === '' ? 'No rule is like that.' : `No rule has "${level.filter}".`,
    columns: COLUMNS,
    counts: new Map(rules.map(each => [placeText(each.rule), countsOf(each)])),
    rows: rates => {
      const listed = isByRate ? byRate(rules, rates, level.isReversed) : rules
      return listed.map(each => rowOf(each, rates))
    },
  }
}

/** A rule that has changed is counted anew. */
const countsOf = (each: Rule): Counts => ({
  connections: each.connections,
  bytes: each.receivedBytes + each.sentBytes,
  since: each.sinceGeneration,
})

function byRate(rules: readonly Rule[], rates: Rates, isReversed: boolean): Rule[] {
  const known = rules.map(each => ({ each, rate: rates(placeText(each.rule))?.connections ?? 0 }))
  const sorted = known.sort((a, b) => b.rate - a.rate || b.each.connections - a.each.connections)
  const list = sorted.map(({ each }) => each)
  return isReversed ? list.reverse() : list
}

function rowOf(each: Rule, rates: Rates): Row {
  const key = placeText(each.rule)
  const rate = rates(key)
  return {
    key,
    cells: [
      key,
      rate === null ? '–' : countText(rate.connections),
      countText(each.open),
      countText(each.connections),
      rate === null ? '–' : bytesText(rate.bytes),
      sharesCell(each),
    ],
    enter: {
      kind: 'endpoints',
      rule: { origin: each.rule, destinations: each.destinations.map(destinationName) },
    },
  }
}

function sharesCell({ never, destinations }: Rule): Cell {
  if (never !== null) return ['never matches', 'quiet']
  if (destinations.length === 1) return ''
  const percent = (share: number): string => String(Number((share * 100).toFixed(1)))
  const shares = destinations.flatMap(one =>
    one.configuredShare === null
      ? []
      : [
          `${percent(one.configuredShare)}→${one.deliveredShare ? percent(one.deliveredShare.share) : '?'}${isOff(one) ? '!' : ''}`,
        ],
  )
  const text = shares.join('  ')
  return destinations.some(isOff) ? [text, 'bad'] : text
}
