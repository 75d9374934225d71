/**
 * Colours and the parts that all charts share. Colours are CSS variables, so one picture serves light and dark: the
 * page defines them, or the picture itself where it stands alone.
 */

import { tick } from '../../units.ts'
import type { Frame } from './drawing.ts'

const LIGHT = {
  paper: '#ffffff',
  ink: '#1b1f24',
  soft: '#57606a',
  rule: '#e4e7eb',
  ours: '#0b63ce',
  peer: '#aab4c0',
  'line-1': '#0b63ce',
  'line-2': '#d9480f',
  'line-3': '#2b8a3e',
  'line-4': '#9c36b5',
  'line-5': '#0c8599',
  'line-6': '#a5740a',
  'line-7': '#868e96',
}
const DARK: typeof LIGHT = {
  paper: '#12161c',
  ink: '#e8ebef',
  soft: '#9aa4b0',
  rule: '#2a313a',
  ours: '#5aa9ff',
  peer: '#56616e',
  'line-1': '#5aa9ff',
  'line-2': '#ff922b',
  'line-3': '#69db7c',
  'line-4': '#da77f2',
  'line-5': '#3bc9db',
  'line-6': '#fcc419',
  'line-7': '#adb5bd',
}

const defined = (colours: typeof LIGHT): string =>
  Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';')

/** The variables, for `selector` and what is in it. */
export const variables = (selector: string): string =>
  `${selector}{color-scheme:light dark;${defined(LIGHT)}}@media(prefers-color-scheme:dark){${selector}{${defined(DARK)}}}`

export const colour = (name: keyof typeof LIGHT): string => `var(--${name})`

/** How many curves differ in their looks. */
export const LOOKS = 7
export const lineColour = (index: number): string => `var(--line-${(index % LOOKS) + 1})`

/** Lines differ by more than their colour. */
const SYMBOLS = [
  'circle',
  'rect',
  'triangle',
  'diamond',
  'emptyCircle',
  'emptyRect',
  'emptyTriangle',
] as const
export const symbol = (index: number): string => SYMBOLS[index % SYMBOLS.length]

const text = (size: number, name: 'ink' | 'soft'): object => ({ fontSize: size, color: colour(name) })

const LEGEND_ROW = 22
/** About as wide is a character, on average. */
export const CHARACTER = 6.6

/** How tall the legend becomes: ECharts wraps it and does not say. */
export function legendHeight(labels: readonly string[], { width }: Frame): number {
  if (labels.length < 2) return 0
  let [rows, used] = [1, 0]
  for (const label of labels) {
    const item = label.length * CHARACTER + 44
    if (used > 0 && used + item > width) [rows, used] = [rows + 1, 0]
    used += item
  }
  return rows * LEGEND_ROW
}

export const legend = (labels: readonly string[]): object => ({
  show: labels.length > 1,
  data: labels,
  left: 0,
  top: 0,
  itemWidth: 18,
  itemHeight: 10,
  itemGap: 14,
  selectedMode: false,
  textStyle: text(12, 'ink'),
})

/** Around what is drawn: the labels of both axes are kept inside. */
export const grid = (labels: readonly string[], frame: Frame, top = 8): object => ({
  left: 4,
  right: frame.isNarrow ? 10 : 18,
  top: legendHeight(labels, frame) + top,
  bottom: 4,
  outerBoundsMode: 'same',
  outerBoundsContain: 'all',
})

type AxisLook = {
  readonly scale: 'linear' | 'log'
  readonly label: string
  readonly formatter?: (value: number) => string
  /** It ends where its longest bar and that one's figure do, at any number, which is not shown. */
  readonly hasOpenEnd?: boolean
}

/** A scale of values. */
export const valueAxis = (
  { scale, label, formatter = tick, hasOpenEnd = false }: AxisLook,
  frame: Frame,
): object => ({
  type: scale === 'log' ? 'log' : 'value',
  name: label,
  nameTextStyle: text(12, 'soft'),
  splitNumber: frame.isNarrow ? 3 : 5,
  axisLine: { show: false },
  axisTick: { show: false },
  axisLabel: {
    ...text(12, 'soft'),
    formatter,
    hideOverlap: true,
    ...(hasOpenEnd ? { showMaxLabel: false } : {}),
  },
  splitLine: { show: true, lineStyle: { color: colour('rule') } },
  minorTick: { show: false },
})

/** On a logarithmic scale only powers of ten have a label. */
export const wholePower = (value: number, label: string): string =>
  Number.isInteger(Number(Math.log10(value).toFixed(9))) ? label : ''

/** For an axis below: its name in the middle of it. */
export const below = { nameLocation: 'middle', nameGap: 30 }

/** For an axis at the left: its name above it, written as people read. */
export const atLeft = { nameLocation: 'end', nameGap: 14 }
export const aboveGrid = { align: 'left', padding: [0, 0, 0, -30] }

export const axisText = text(12, 'ink')
