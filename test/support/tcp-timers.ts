/** Timers of TCP connections of this machine, as proc(5) shows them. */

import { readFileSync } from 'node:fs'

/** Whether `port` is the end that the line tells of first, or the other one. */
type Ends = { readonly local?: number; readonly remote?: number }

/**
 * In how many hundredths of a second keepalive probes an established connection; null where its
 * timer is another one, or there is none.
 */
export function keepaliveDue({ local, remote }: Ends): number | null {
  const has = (field: string | undefined, port: number | undefined): boolean =>
    port === undefined || field?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`) === true
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(text => text.trim().split(/\s+/))
    .find(fields => has(fields[1], local) && has(fields[2], remote) && fields[3] === '01')
  const [timer, due] = (line?.[5] ?? '').split(':')
  return timer === '02' ? Number.parseInt(due, 16) : null
}
