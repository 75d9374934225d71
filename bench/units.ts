/** Units: which way is better, and figures in few digits for people. */

export type Better = 'less' | 'more' | 'neither'

export type Step = { readonly symbol: string; readonly factor: number }

/**
 * `times` is a ratio, `share` a part of a whole, `count` a number of things, `perSecond` a rate.
 */
const UNITS = {
  ns: { better: 'less', steps: steps('ns', ['µs', 1e3], ['ms', 1e6], ['s', 1e9]) },
  ms: { better: 'less', steps: steps('ms', ['s', 1e3]) },
  bytes: { better: 'less', steps: steps('B', ['KiB', 2 ** 10], ['MiB', 2 ** 20], ['GiB', 2 ** 30]) },
  times: { better: 'less', steps: steps('×') },
  count: { better: 'less', steps: steps('') },
  share: { better: 'neither', steps: [{ symbol: '%', factor: 0.01 }] },
  perSecond: { better: 'more', steps: steps('/s') },
} as const satisfies Record<string, { better: Better; steps: readonly Step[] }>

export type Unit = keyof typeof UNITS

export const isUnit = (text: string): text is Unit => Object.hasOwn(UNITS, text)

/** The better direction, unless a bench says otherwise. */
export const betterOf = (unit: Unit): Better => UNITS[unit].better

/** Formats figures together, in one unit: the largest without leading zeros. */
export function shower(unit: Unit, values: readonly number[]): (value: number) => string {
  const sizes = values.map(Math.abs).filter(size => size > 0)
  const least = Math.min(...sizes)
  const { symbol, factor } = UNITS[unit].steps.findLast(step => step.factor <= least) ?? UNITS[unit].steps[0]
  return value => `${number(value / factor)} ${symbol}`.trimEnd()
}

/** The step for an axis that reaches to `largest`. */
export const stepFor = (unit: Unit, largest: number): Step =>
  UNITS[unit].steps.findLast(step => step.factor <= largest) ?? UNITS[unit].steps[0]

/** How many fit into a second; null of a unit that is no time. */
export const perSecond = (value: number, unit: Unit): number | null =>
  unit === 'ns' ? 1e9 / value : unit === 'ms' ? 1e3 / value : null

/** One figure by itself. */
export const show = (value: number, unit: Unit): string => shower(unit, [value])(value)

/** Three significant digits; thousands apart; a true minus sign. */
export function number(value: number): string {
  const size = Math.abs(value)
  const digits =
    size >= 1000
      ? thousands(size)
      : size === 0
        ? '0'
        : size >= 1e-4
          ? size.toPrecision(3)
          : size.toExponential(1)
  return value < 0 ? `−${digits}` : digits
}

/** A whole number, thousands apart. */
export const thousands = (value: number): string =>
  Math.round(value).toLocaleString('en').replaceAll(',', ' ')

/** For an axis: without trailing zeros. */
export const tick = (value: number): string =>
  Math.abs(value) >= 1000 || value === 0 ? number(value) : String(Number(value.toPrecision(6)))

/** A tick in whatever step of the unit makes it shortest: 10 µs. */
export function tickIn(value: number, unit: Unit): string {
  // Powers of ten are no whole KiB.
  const { symbol, factor } = unit === 'bytes' ? UNITS.bytes.steps[0] : stepFor(unit, Math.abs(value))
  return `${tick(value / factor)} ${symbol}`.trimEnd()
}

export const percent = (share: number): string => `${number(share * 100).replace(/\.0+$/, '')} %`

function steps(symbol: string, ...more: readonly (readonly [string, number])[]): readonly Step[] {
  return [{ symbol, factor: 1 }, ...more.map(([symbol, factor]) => ({ symbol, factor }))]
}
