/**
 * The annotation `gateway.weir/health-check` of a DestinationRule:
 * "tcp;interval=2s;timeout=1s;rise=2;fall=3;send=PING\r\n;expect=^+PONG;onDown=keep".
 *
 * Bytes are text with \r, \n, \t, \\ and \; as escapes, or "hex:" with digits. There are no regular
 * expressions, since one of them could stall the main thread.
 */

import {
  CHECK_KINDS,
  type CheckKind,
  DEFAULT_CHECK,
  type HealthCheck,
} from '../../table/plan/health-check.ts'
import { parseDuration } from '../settings/duration.ts'

export const HEALTH_CHECK = 'gateway.weir/health-check'

export const INTERVAL_MS_LEAST = 100
export const MS_MAX = 3_600_000
export const COUNT_MAX = 100
const BYTES_MAX = 1024

type Draft = { -readonly [Field in keyof HealthCheck]: HealthCheck[Field] }

/** Null: this is no health check. */
export function readHealthCheck(text: string): HealthCheck | null {
  const [kind = '', ...parts] = text.split(/(?<!\\);/).map(each => each.trim())
  if (!isKind(kind)) return null
  const check: Draft = { kind, ...DEFAULT_CHECK }
  const seen = new Set<string>()
  for (const part of parts) {
    const at = part.indexOf('=')
    const name = part.slice(0, at)
    if (at < 1 || seen.has(name) || !take(check, name, part.slice(at + 1))) return null
    seen.add(name)
  }
  return check.timeoutMs <= check.intervalMs || !seen.has('timeout') ? fitting(check) : null
}

/** A default timeout is never longer than the interval. */
const fitting = (check: Draft): HealthCheck => ({
  ...check,
  timeoutMs: Math.min(check.timeoutMs, check.intervalMs),
})

const isKind = (word: string): word is CheckKind => CHECK_KINDS.some(each => each === word)

function take(check: Draft, name: string, value: string): boolean {
  switch (name) {
    case 'interval':
    case 'timeout': {
      const ms = Math.floor(parseDuration(value) ?? 0)
      if (ms < (name === 'interval' ? INTERVAL_MS_LEAST : 1) || ms > MS_MAX) return false
      check[name === 'interval' ? 'intervalMs' : 'timeoutMs'] = ms
      return true
    }
    case 'rise':
    case 'fall': {
      const count = /^\d{1,3}$/.test(value) ? Number(value) : 0
      if (count < 1 || count > COUNT_MAX) return false
      check[name] = count
      return true
    }
    case 'send':
      check.send = readBytes(value) ?? ''
      return check.kind === 'tcp' && check.send !== ''
    case 'expect': {
      check.expect = readExpect(value)
      return check.kind === 'tcp' && check.expect !== null
    }
    case 'onDown':
      if (value !== 'keep' && value !== 'close') return false
      check.onDown = value
      return true
    default:
      return false
  }
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '\\': '\\', ';': ';' }

/** "part" or "^beginning"; null: not like this. */
export function readExpect(text: string): HealthCheck['expect'] {
  const isPrefix = text.startsWith('^')
  const bytes = readBytes(isPrefix ? text.slice(1) : text)
  return bytes === null || bytes === '' ? null : { bytes, isPrefix }
}

/** Latin-1, one character for each byte; null: not like this. */
export function readBytes(text: string): string | null {
  if (text.startsWith('hex:')) {
    const digits = text.slice(4).replaceAll(' ', '')
    if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return null
    return digits.length / 2 > BYTES_MAX ? null : Buffer.from(digits, 'hex').toString('latin1')
  }
  if (/\\(?![rnt\\;])/.test(text)) return null
  const bytes = Buffer.from(text.replaceAll(/\\([rnt\\;])/g, (_, each: string) => ESCAPES[each]))
  return bytes.length > BYTES_MAX ? null : bytes.toString('latin1')
}
