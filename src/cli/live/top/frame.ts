/**
 * One frame of `weir top`, as lines that fit the terminal. Pure: state and looks give lines.
 *
 *   weir 0.1.0  ready  generation 3  uring, 2 workers  up 3 h 5 min       127.0.0.1:15021
 *   120 open   31 /s new   0.2 /s not served   1.2 MB/s from clients   34 MB/s to them
 *   reload 3 taken, 0 errors, 0 warnings
 *
 *   Rules 4   by conn/s
 *     RULE                    CONN/S▼   OPEN      ALL  SHARES: SHOULD BE → IS
 *   › default/echo tcp[1]        30.1    118    9 812  80→79.4  20→20.6
 *
 *   ↑↓ move  ⏎ its endpoints  / filter  f show  s order  tab next list  ? keys  q quit
 */

import { printable } from '../../../base/printable.ts'
import { stateText } from '../../../control/readiness.ts'
import { ORDINARY } from '../../../stats/reasons.ts'
import { bytesText, countText, durationText, plural } from '../format.ts'
import type { Summary } from '../status.ts'
import { broken, type Row, rowSpans, titleSpans, widthsOf } from './list.ts'
import { type Look, ratesOf } from './look.ts'
import { type Line, lineText, plain, type Span } from './spans.ts'
import { levelOf, listKind, ORDERS, orderOf, SHOWS, type State, showOf } from './state.ts'

export type Size = { readonly columns: number; readonly rows: number }

export type Picture = {
  readonly state: State
  readonly now: Look
  /** The look that rates are counted from; null: there is none yet. */
  readonly base: Look | null
  /** Why nothing new comes; null: it comes. */
  readonly trouble: string | null
  /** Whether somebody can press keys; a pipe cannot. */
  readonly hasKeys: boolean
  readonly colours: boolean
}

/** The lines around the list, from top to bottom, as far as there is room. */
export function frameLines(picture: Picture, size: Size): string[] {
  const { state, colours, hasKeys } = picture
  const { columns, rows } = size
  const head = headLines(picture, size)
  const foot = hasKeys && rows > head.length + 4 ? [keysLine(state, columns)] : []
  const text = (line: Line): string => lineText(line, columns, colours)
  if (state.hasHelp) return [...head.map(text), ...HELP.map(line => text(plain(line)))].slice(0, rows)
  const height = Math.max(0, rows - head.length - 1 - foot.length)
  const list = listLines(picture, columns, height)
  const filled = foot.length === 0 ? [] : Array.from({ length: height + 1 - list.length }, () => '')
  return [...head.map(text), ...list, ...filled, ...foot.map(text)].slice(0, rows)
}

/** Rows of the list that fit: what page-down goes by. */
export const listHeight = (picture: Picture, size: Size): number => {
  const head = headLines(picture, size).length
  return Math.max(1, size.rows - head - (size.rows > head + 4 ? 2 : 1))
}

/** The rows in the order in which they are shown. */
export function shownRows(now: Look, base: Look | null, columns: number): readonly Row[] {
  const rows = now.page.rows(ratesOf(base, now))
  return now.page.isText ? broken(rows, columns - MARK) : rows
}

/** How many there are to move through. */
export const reachOf = ({ page }: Look, rows: readonly Row[]): number =>
  page.isText ? rows.length : page.total

/** The cursor's mark takes as much of each line. */
const MARK = 2

function headLines({ state, now, base, trouble }: Picture, { columns, rows }: Size): Line[] {
  const { where, summary } = now
  const { version, engine, workers, generation, uptimeS, lastReload } = summary
  const left: Span[] = [
    [`weir ${version}  `, 'strong'],
    [stateText(summary), summary.ready ? 'good' : 'bad'],
    [`  generation ${generation}  ${engine}, ${workers} workers  up ${durationText(uptimeS * 1000)}`, null],
  ]
  const used = left.reduce((sum, [text]) => sum + text.length, 0)
  const place = printable(where).padStart(Math.max(where.length + 2, columns - used))
  const { number, outcome, errors, warnings } = lastReload
  const reload = `reload ${number} ${outcome}, ${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
  const lines: Line[] = [
    [...left, [place, 'quiet']],
    ratesLine(base?.summary ?? null, summary),
    [[reload, outcome === 'taken' ? 'quiet' : 'bad']],
    [],
    listTitle(state, now),
  ]
  const troubled: Line[] = trouble === null ? [] : [[[printable(trouble), 'bad']]]
  const room = Math.max(0, rows - 2) // the list's title and a row
  const most = [...troubled, ...lines]
  if (most.length <= room) return most
  return [...troubled, lines[1], lines[4]].slice(0, room)
}

function ratesLine(was: Summary | null, now: Summary): Line {
  const seconds = was === null ? 0 : (now.monotonicMs - was.monotonicMs) / 1000
  const per = (read: (summary: Summary) => number): number | null =>
    was === null ? null : Math.max(0, read(now) - read(was)) / seconds
  const counted = (name: string) => per(({ counters }) => counters[name])
  const text = (rate: number | null): string => (rate === null ? '–' : countText(rate))
  const bytes = (rate: number | null): string => (rate === null ? '– B/s' : `${bytesText(rate)}/s`)
  const failed = per(unserved)
  return [
    [`${countText(now.counters.open)} open   ${text(counted('accepted'))} /s new   `, null],
    [`${text(failed)} /s not served`, failed !== null && failed > 0 ? 'doubtful' : null],
    [`   ${bytes(counted('clientBytes'))} from clients   ${bytes(counted('upstreamBytes'))} to them`, null],
  ]
}

const unserved = ({ closed }: Summary): number =>
  Object.entries(closed).reduce((sum, [reason, count]) => (ORDINARY.has(reason) ? sum : sum + count), 0)

function listTitle({ levels, typing, isPaused }: State, { page }: Look): Line {
  const level = levels[levels.length - 1]
  const kind = listKind(level.place)
  const filter = typing ?? level.filter
  return [
    [printable(page.head), 'strong'],
    [kind === 'why' ? '' : `  ${countText(page.total)}`, null],
    [
      ORDERS[kind].length > 1 ? `   by ${orderOf(level)}${level.isReversed ? ', reversed' : ''}` : '',
      'quiet',
    ],
    [showOf(level) === 'all' ? '' : `   only ${showOf(level)}`, 'doubtful'],
    [filter === '' && typing === null ? '' : `   /${filter}${typing === null ? '' : '█'}`, 'doubtful'],
    [isPaused ? '   paused' : '', 'bad'],
  ]
}

/** The column titles, and the rows around the cursor. */
function listLines({ state, now, base, hasKeys, colours }: Picture, columns: number, height: number) {
  const level = levelOf(state)
  const { page } = now
  const hasCursor = hasKeys && now.level.place === level.place // else its rows are still to come
  const rows = shownRows(now, base, columns)
  const mark = hasKeys ? MARK : 0
  const room = page.more === '' ? height : Math.max(0, height - 1)
  const top = Math.max(0, Math.min(level.at - Math.floor(room / 2), reachOf(now, rows) - room)) - page.first
  const shown = rows.slice(Math.max(0, top), Math.max(0, top + room))
  const widths = widthsOf(page.columns, shown, Math.max(0, columns - mark))
  const line = (spans: Line, isChosen = false): string => {
    const marked: Line = mark === 0 ? spans : [[isChosen ? '› ' : '  ', null], ...spans]
    return lineText(marked, columns, colours, isChosen)
  }
  return [
    line(titleSpans(page.columns, widths, orderOf(level), level.isReversed)),
    ...shown.map((row, index) =>
      line(
        rowSpans(row, page.columns, widths),
        hasCursor && Math.max(0, top) + index + page.first === level.at,
      ),
    ),
    ...(rows.length === 0 && height > 0 ? [line([[page.empty, 'quiet']])] : []),
    ...(page.more !== '' && height > 0 ? [line([[page.more, 'quiet']])] : []),
  ]
}

const ENTERS = {
  rules: 'its endpoints',
  endpoints: 'its connections',
  connections: 'why',
  ended: 'why',
  why: '',
}

/** What a key does here; the last ones go first where there is no room. */
function keysLine({ levels, typing, isPaused }: State, columns: number): Line {
  const level = levels[levels.length - 1]
  const kind = listKind(level.place)
  const keys =
    typing !== null
      ? ['type to filter', '⏎ keep it', 'esc drop it']
      : [
          'q quit',
          '? keys',
          ...(levels.length > 1 || level.filter !== '' ? ['esc back'] : []),
          ...(ENTERS[kind] === '' ? [] : [`⏎ ${ENTERS[kind]}`]),
          '/ filter',
          ...(ORDERS[kind].length > 1 ? ['s order'] : []),
          ...(SHOWS[kind].length > 1 ? ['f show'] : []),
          ...(level.place.kind === 'connections' ? [level.place.isEnded ? 'e open' : 'e ended'] : []),
          'tab next list',
          isPaused ? 'p go on' : 'p pause',
        ]
  let width = -2
  const shown = keys.filter(key => {
    width += key.length + 2
    return width <= columns
  })
  return [[shown.join('  '), 'quiet']]
}

const HELP = [
  '',
  '  ↑ ↓ j k           one row up or down',
  '  page up, down     a page; g and G: the first and the last row',
  '  ⏎ → l             into the row: rule, its endpoints, their connections, why',
  '  esc ← h           drop the filter, or go back',
  '  /                 filter by words: names, addresses, files; an address or range of clients',
  '  f                 show only: off, unserved, never hit; ejected, down; by state',
  '  s, r              the next order, and its reverse',
  '  e                 open connections, or those that ended last',
  '  tab               rules, endpoints, connections',
  '  p                 pause, and go on',
  '  q, Ctrl-C         quit',
  '',
  '  any key closes this',
]
