/**
 * The log: pino's JSON lines for programs, short lines of the same records for people.
 *
 *   10:42:07 info  generation 3: changed VirtualService default/echo in 31 ms (read 1, …)
 */

import { styleText } from 'node:util'
import pino, { type Logger } from 'pino'
import { wallTime } from '../../base/clock.ts'
import { printable } from '../../base/printable.ts'

export type { Logger }

export type LogFormat = 'json' | 'text'

const COLOURS = { info: 'green', warn: 'yellow', error: 'red', fatal: 'red', debug: 'gray' } as const

/** A log that writes whole lines to `write`. */
export function createLog(
  write: (line: string) => void,
  options: { readonly format: LogFormat; readonly colours: boolean },
): Logger {
  const destination = {
    write: options.format === 'json' ? write : (line: string) => write(forPeople(line, options.colours)),
  }
  return pino(
    {
      base: null,
      timestamp: () => `,"time":"${wallTime()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    destination,
  )
}

type Written = {
  readonly level: keyof typeof COLOURS
  readonly time: string
  readonly msg?: string
  readonly err?: { readonly stack?: string }
}

/** One record as a line; fields other than the message are for machines, except for a stack. */
function forPeople(line: string, colours: boolean): string {
  const { level, time, msg = '', err } = JSON.parse(line) as Written
  const label = level.padEnd(5)
  const painted = colours ? styleText(COLOURS[level], label, { validateStream: false }) : label
  const stack = err?.stack === undefined ? '' : `\n${err.stack}`
  return `${time.slice(11, 19)} ${painted} ${printable(msg)}${stack}\n`
}
