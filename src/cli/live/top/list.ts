/** A list of `weir top`: rows under columns that make room for each other on a narrow terminal. */

import { printable } from '../../../base/printable.ts'
import type { Span, Style } from './spans.ts'
import type { Place } from './state.ts'

export type Cell = string | readonly [text: string, style: Style]

export type Row = {
  /** The same in the next look. */
  readonly key: string
  readonly cells: readonly Cell[]
  readonly enter: Place | null
}

export type Column = {
  readonly title: string
  /** Figures stand at the right edge. */
  readonly isRight?: boolean
  /** At least as wide, so that it does not jump with each figure. */
  readonly least?: number
  /** Its texts may be cut down to this width. */
  readonly cutTo?: number
  /** Columns with the greatest number go first where there is no room; 0 stays. */
  readonly drop: number
  /** The order that sorts by it. */
  readonly order?: string
}

/** What has grown between two looks, by a row's key. */
export type Counts = { readonly connections: number; readonly bytes: number; readonly since: number }
/** By key, per second; null: it is not known yet. */
export type Rates = (key: string) => { readonly connections: number; readonly bytes: number } | null

/** One answer about one place. */
export type Page = {
  readonly head: string
  /** All rows that can be reached, and the place of the first that is here. */
  readonly total: number
  readonly first: number
  /** Entries beyond those; said below the list. */
  readonly more: string
  readonly empty: string
  readonly columns: readonly Column[]
  readonly counts: ReadonlyMap<string, Counts>
  readonly rows: (rates: Rates) => readonly Row[]
  /** Its rows are lines of a text, which break where the terminal ends. */
  readonly isText?: boolean
}

const GAP = 2
/** The first column keeps as much, where the terminal has it. */
const NAME_LEAST = 30

const textOf = (cell: Cell): string => printable(typeof cell === 'string' ? cell : cell[0])
const styleOf = (cell: Cell): Style | null => (typeof cell === 'string' ? null : cell[1])

/** Lines broken at spaces; what goes on is indented as far as the values of `weir why`. */
export function broken(rows: readonly Row[], width: number): Row[] {
  return rows.flatMap(row => {
    const [first, ...rest] = piecesOf(textOf(row.cells[0]), Math.max(1, width))
    return [first, ...rest.map(text => ' '.repeat(INDENT) + text)].map((text, index) => ({
      ...row,
      key: `${row.key}.${index}`,
      cells: [text],
    }))
  })
}

const INDENT = 12
/** What is narrower than the indent and this gets one piece, which is cut off. */
const PIECE_LEAST = 10

function piecesOf(text: string, width: number): string[] {
  const pieces: string[] = []
  let rest = text
  for (let room = width; rest.length > room && width >= INDENT + PIECE_LEAST; room = width - INDENT) {
    const space = rest.lastIndexOf(' ', room)
    const end = space > room / 2 ? space : room
    pieces.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...pieces, rest]
}

/** The width of each column; 0: it has no room. */
export function widthsOf(columns: readonly Column[], rows: readonly Row[], width: number): number[] {
  const longest = columns.map(({ title, least = 0 }, index) =>
    Math.max(least, title.length + 1, ...rows.map(({ cells }) => textOf(cells[index]).length)),
  )
  const name = Math.min(longest[0], NAME_LEAST)
  const widths = columns.map((_, index) => (index === 0 ? Math.min(name, width) : 0))
  let left = width - widths[0]
  const inTurn = columns.map((_, index) => index).slice(1)
  for (const index of inTurn.sort((a, b) => columns[a].drop - columns[b].drop)) {
    const { cutTo = Number.POSITIVE_INFINITY } = columns[index]
    const needed = Math.min(longest[index], cutTo)
    if (left < needed + GAP) break
    widths[index] = needed
    left -= needed + GAP
  }
  for (const [index, found] of widths.entries()) {
    const more = found === 0 ? 0 : Math.max(0, Math.min(left, longest[index] - found))
    widths[index] += more
    left -= more
  }
  return widths
}

export const titleSpans = (
  columns: readonly Column[],
  widths: readonly number[],
  order: string,
  isReversed: boolean,
): Span[] =>
  spansOf(
    columns.map(each => `${each.title}${each.order === order ? (isReversed ? '▲' : '▼') : ''}`),
    columns,
    widths,
  ).map(([text]) => [text, 'title'])

export const rowSpans = ({ cells }: Row, columns: readonly Column[], widths: readonly number[]): Span[] =>
  spansOf(cells, columns, widths)

function spansOf(cells: readonly Cell[], columns: readonly Column[], widths: readonly number[]): Span[] {
  const shown = columns.map((_, index) => index).filter(index => widths[index] > 0)
  return shown.flatMap((index, nth): Span[] => {
    const text = cut(textOf(cells[index]), widths[index])
    const isLast = nth === shown.length - 1
    const filled = columns[index].isRight
      ? text.padStart(widths[index])
      : isLast
        ? text
        : text.padEnd(widths[index])
    return [[nth === 0 ? '' : ' '.repeat(GAP), null] as const, [filled, styleOf(cells[index])] as const]
  })
}

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}${width > 0 ? '…' : ''}`
