/** Figures for people: bytes, counts, durations, shares, and columns. */

import { wallNowMs } from '../../base/clock.ts'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** "0 B", "12 B", "1.2 kB", "34 MB": powers of 1 000. */
export function bytesText(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`
}

/** "0", "0.4", "12", "1 234". */
export function countText(count: number): string {
  const rounded = count > 0 && count < 10 ? Number(count.toFixed(1)) : Math.round(count)
  return String(rounded).replace(/\B(?=(\d{3})+$)/g, ' ')
}

/** "1 error", "2 errors". */
export const plural = (count: number, noun: string): string =>
  `${countText(count)} ${noun}${count === 1 ? '' : 's'}`

/** "12 ms", "3.4 s", "59 s", "12 min", "3 h 5 min", "4 d 2 h". */
export function durationText(ms: number): string {
  const s = ms / 1000
  if (s < 1) return `${Math.round(ms)} ms`
  if (s < 10) return `${s.toFixed(1)} s`
  if (s < 60) return `${Math.floor(s)} s`
  const min = Math.floor(s / 60)
  if (min < 60) return `${min} min`
  const h = Math.floor(min / 60)
  return h < 24 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} d ${h % 24} h`
}

/** "12 s ago (2026-11-29T08:12:03.412Z)". */
export const momentText = (at: string): string =>
  `${durationText(Math.max(0, wallNowMs() - Date.parse(at)))} ago (${at})`

/** "80 %", "79.4 %". */
export const shareText = (share: number, digits = 1): string => `${Number((share * 100).toFixed(digits))} %`

/**
 * Rows as columns; those of `right` stand at their right edge, and the last one is not filled up.
 */
export function columns(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column].length)))
  const fill = (text: string, column: number): string =>
    right.has(column) ? text.padStart(widths[column]) : text.padEnd(widths[column])
  return rows.map(row => row.map(fill).join('  ').trimEnd())
}
