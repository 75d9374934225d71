/** Timers of TCP connections of this machine, as proc(5) shows them. */

import { closeSync, openSync, readSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** Whether `port` is the end that the line tells of first, or the other one. */
export type Ends = { readonly local?: number; readonly remote?: number }

const LOOK_MS = 20

/**
 * In how many hundredths of a second keepalive probes an established connection; waits until it
 * has that timer.
 */
export async function keepaliveDue(ends: Ends): Promise<number> {
  for (;;) {
    const due = keepaliveNow(ends)
    if (due !== null) return due
    await pause(LOOK_MS)
  }
}

/**
 * The same, or null where the timer is another one, or there is none. A look is dear: each
 * connection of the machine has a line, also those that have just ended.
 */
export function keepaliveNow({ local, remote }: Ends): number | null {
  const at = (port: number | undefined): string =>
    `[0-9A-F]+:${port === undefined ? '[0-9A-F]{4}' : port.toString(16).toUpperCase().padStart(4, '0')}`
  const line = new RegExp(`: ${at(local)} ${at(remote)} 01 \\S+ 02:([0-9A-F]+) `)
  const file = openSync('/proc/net/tcp', 'r')
  try {
    for (let length = readSync(file, PAGE, {}); length > 0; length = readSync(file, PAGE, {})) {
      const found = line.exec(PAGE.toString('latin1', 0, length))
      if (found) return Number.parseInt(found[1], 16)
    }
    return null
  } finally {
    closeSync(file)
  }
}

/** The kernel gives whole lines, a page of them at a time. */
const PAGE = Buffer.alloc(65_536)
