/** An entry of `healthChecks` in the Settings. Its fields are those of the annotation. */

import { CHECK_KINDS, DEFAULT_CHECK, type HealthCheck } from '../../table/plan/health-check.ts'
import { COUNT_MAX, INTERVAL_MS_LEAST, MS_MAX, readBytes, readExpect } from '../plan/health-check.ts'
import { choice, duration, integer, mapped, objectWith, orNull, type Reader, text } from './fields.ts'
import type { HealthCheckSetting } from './settings.ts'

const PORT_MAX = 65535

type Entry = Omit<HealthCheckSetting, 'intervalMs' | 'timeoutMs'> & {
  readonly interval: number
  /** null: the default, or the interval if that is shorter. */
  readonly timeout: number | null
}

const { intervalMs, timeoutMs, ...others } = DEFAULT_CHECK
const defaults: Omit<Entry, 'host'> = {
  ...others,
  kind: 'tcp',
  subset: null,
  port: 0,
  interval: intervalMs,
  timeout: null,
}

/** What `read` makes of a text; null is wrong. */
const bytes =
  <T>(read: (written: string) => T | null): Reader<T> =>
  spot => {
    const written = text(spot)
    const found = written === undefined ? undefined : read(written)
    if (found !== null) return found
    const message =
      'this is neither text with the escapes \\r, \\n, \\t, \\\\ and \\;, nor "hex:" with digits'
    spot.findings.at('CFG032', spot.resource, spot.path, message)
    return undefined
  }

const entry = objectWith<Entry>(
  'host',
  {
    host: text,
    subset: orNull(text),
    port: integer(1, PORT_MAX),
    kind: choice(...CHECK_KINDS),
    interval: duration(MS_MAX, INTERVAL_MS_LEAST),
    timeout: duration(MS_MAX, 1),
    rise: integer(1, COUNT_MAX),
    fall: integer(1, COUNT_MAX),
    send: bytes(readBytes),
    expect: bytes<HealthCheck['expect']>(readExpect),
    onDown: choice('keep', 'close'),
  },
  defaults,
)

export const healthCheck: Reader<HealthCheckSetting> = spot => {
  const wrong = (field: string, message: string): undefined =>
    void spot.findings.at('CFG032', spot.resource, [...spot.path, field], message)
  return mapped(entry, ({ interval, timeout, ...rest }) => {
    if (timeout !== null && timeout > interval) wrong('timeout', 'timeout is longer than interval')
    if (rest.kind !== 'tcp' && rest.send !== '') wrong('send', `send is for kind tcp, not ${rest.kind}`)
    if (rest.kind !== 'tcp' && rest.expect) wrong('expect', `expect is for kind tcp, not ${rest.kind}`)
    const ms = {
      intervalMs: Math.floor(interval),
      timeoutMs: Math.floor(Math.min(timeout ?? timeoutMs, interval)),
    }
    return { ...rest, ...ms }
  })(spot)
}
