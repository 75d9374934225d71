/** SVG as text: shapes, words and scales. It knows nothing of benches. */

import { escaped } from '../markup.ts'
import { colour } from './style.ts'

type Attributes = Readonly<Record<string, string | number>>

export function element(name: string, attributes: Attributes, inside = ''): string {
  const words = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === 'number' ? short(value) : escaped(value)}"`,
  )
  return `<${name}${words.join('')}${inside === '' ? '/>' : `>${inside}</${name}>`}`
}

/** A tenth of a pixel is precise enough. */
const short = (value: number): string => String(Math.round(value * 10) / 10)

/** A path of words and numbers: `stroke('ink', 1, 'M', x, y, 'H', end)`. */
export const stroke = (name: string, width: number, ...steps: readonly (string | number)[]): string =>
  element('path', { d: pathOf(steps), fill: 'none', stroke: name, 'stroke-width': width })

export const pathOf = (steps: readonly (string | number)[]): string =>
  steps.map(step => (typeof step === 'number' ? short(step) : step)).join(' ')

type TextLook = {
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly tone?: 'ink' | 'soft'
  readonly isBold?: boolean
}

const FONT_SIZE = 12

/** `y` is the middle of the line. */
export const text = (x: number, y: number, words: string, look: TextLook = {}): string =>
  element(
    'text',
    {
      x,
      y: y + FONT_SIZE * 0.36,
      fill: colour(look.tone ?? 'ink'),
      'font-size': FONT_SIZE,
      ...(look.anchor ? { 'text-anchor': look.anchor } : {}),
      ...(look.isBold ? { 'font-weight': 600 } : {}),
    },
    escaped(words),
  )

/** No font can be measured, and a reader's may be wide: words get the room of DejaVu Sans. */
export const widthOf = (words: string): number =>
  [...words].reduce((sum, character) => sum + emOf(character), 0) * FONT_SIZE

const emOf = (character: string): number =>
  /[ijlI.,:;'|()[\] ]/.test(character) ? 0.36 : /[mwMW%]/.test(character) ? 0.95 : 0.63

/** Lines of at most `width`, broken between words, or inside a word that is longer than a line. */
export function wrapped(words: string, width: number): string[] {
  const lines = ['']
  for (const word of words.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trim()
    if (widthOf(longer) <= width) lines[lines.length - 1] = longer
    else lines.push(word)
    for (let last = lines.at(-1) ?? ''; widthOf(last) > width; last = lines.at(-1) ?? '') {
      const fits = [...last].findIndex((_, index) => widthOf(last.slice(0, index + 1)) > width)
      lines.splice(-1, 1, last.slice(0, Math.max(1, fits)), last.slice(Math.max(1, fits)))
    }
  }
  return lines.filter(line => line !== '')
}

// ── scales ─────────────────────────────────────────────────────────────────

export type ScaleKind = 'linear' | 'log'
export type Span = { readonly least: number; readonly most: number }

/** From values to pixels, and the values that have a line and a label. */
export type Scale = { readonly at: (value: number) => number; readonly ticks: readonly number[] }

/** @param pixels  The positions of the least and the greatest value. */
export function scaleOf(kind: ScaleKind, { least, most }: Span, pixels: Span, ticks: number): Scale {
  const turn =
    kind === 'log' ? (value: number) => Math.log10(Math.max(value, least)) : (value: number) => value
  const size = turn(most) - turn(least) || 1
  const at = (value: number): number =>
    pixels.least + ((turn(value) - turn(least)) / size) * (pixels.most - pixels.least)
  const powers = kind === 'log' ? powersIn(least, most) : []
  return { at, ticks: powers.length > 0 ? powers : multiplesIn(least, most, stepOf(most - least, ticks)) }
}

/** Up to the next line on either side; a linear scale begins at 0 if no value is below it. */
export function toTicks(kind: ScaleKind, { least, most }: Span, ticks: number): Span {
  if (kind === 'log') {
    return { least: 10 ** Math.floor(Math.log10(least)), most: 10 ** Math.ceil(Math.log10(most)) }
  }
  const [low, high] = [Math.min(0, least), Math.max(0, most)]
  const step = stepOf(high - low, ticks)
  return { least: Math.floor(low / step) * step, most: Math.ceil(high / step) * step || step }
}

/** 1, 2 or 5 times a power of ten, and at most so many of them. */
function stepOf(size: number, ticks: number): number {
  const rough = (size || 1) / ticks
  const power = 10 ** Math.floor(Math.log10(rough))
  return power * ([1, 2, 5].find(times => times * power >= rough) ?? 10)
}

function multiplesIn(least: number, most: number, step: number): number[] {
  const found: number[] = []
  // Half a thousandth of a step for what a division leaves.
  for (let index = Math.ceil(least / step - 0.0005); index * step <= most + step * 0.0005; index++) {
    found.push(Number((index * step).toPrecision(12)))
  }
  return found
}

function powersIn(least: number, most: number): number[] {
  const found: number[] = []
  for (let power = Math.ceil(Math.log10(least) - 1e-9); 10 ** power <= most * (1 + 1e-9); power++) {
    found.push(10 ** power)
  }
  return found
}
