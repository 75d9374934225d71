/**
 * Durations as Go's time.ParseDuration reads them, which is how Istio and weir's Settings write
 * them.
 */

const UNIT_MS: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek mu
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}
/** Go counts nanoseconds in an int64: a little more than 292 years. */
const MS_MAX = 2 ** 63 / 1e6

/** Milliseconds, with their fraction, or null: "1h", "1m30s", "300ms", "-1.5s", "0". */
export function parseDuration(text: string): number | null {
  const sign = text[0] === '-' ? -1 : 1
  const start = text[0] === '-' || text[0] === '+' ? 1 : 0
  if (text.slice(start) === '0') return 0
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|[uµμ]s|ms|s|m|h)/y
  let sum = 0
  for (let at = start; at < text.length; at = part.lastIndex) {
    part.lastIndex = at
    const found = part.exec(text)
    if (!found) return null
    // Dividing keeps what multiplying by 1e-6 would round: "300000000ns" is exactly 300.
    const scale = UNIT_MS[found[2]]
    sum += scale < 1 ? Number(found[1]) / Math.round(1 / scale) : Number(found[1]) * scale
  }
  if (text.length === start || sum >= MS_MAX) return null
  return sum === 0 ? 0 : sign * sum
}
