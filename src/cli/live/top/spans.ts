/** Pieces of a line with their styles: cut to the terminal's width first, painted then. */

import { styleText } from 'node:util'

export type Style = 'strong' | 'quiet' | 'title' | 'good' | 'doubtful' | 'bad' | 'chosen'
export type Span = readonly [text: string, style: Style | null]
export type Line = readonly Span[]

const PAINTS = {
  strong: 'bold',
  quiet: 'dim',
  title: ['bold', 'underline'],
  good: 'green',
  doubtful: 'yellow',
  bad: ['bold', 'red'],
  chosen: 'inverse',
} as const satisfies Record<Style, Parameters<typeof styleText>[0]>

export const plain = (text: string): Line => [[text, null]]

/** @param isChosen  Painted as one over the whole width. */
export function lineText(line: Line, columns: number, colours: boolean, isChosen = false): string {
  const cut = cutLine(line, columns)
  if (!colours)
    return cut
      .map(([text]) => text)
      .join('')
      .trimEnd()
  if (isChosen)
    return paint(
      cut
        .map(([text]) => text)
        .join('')
        .padEnd(columns),
      'chosen',
    )
  return cut.map(([text, style]) => (style === null ? text : paint(text, style))).join('')
}

const paint = (text: string, style: Style): string =>
  text === '' ? '' : styleText(PAINTS[style] as 'bold', text, { validateStream: false })

function cutLine(line: Line, columns: number): Span[] {
  const whole = line.reduce((sum, [text]) => sum + text.length, 0)
  if (whole <= columns) return [...line]
  const cut: Span[] = []
  let left = Math.max(0, columns - 1)
  for (const [text, style] of line) {
    cut.push([text.slice(0, left), style])
    left -= Math.min(left, text.length)
  }
  if (columns > 0) cut.push(['…', null])
  return cut
}
