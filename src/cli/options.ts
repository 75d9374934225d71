/** Options that several commands share, and their values. */

import { InvalidArgumentError, Option } from 'commander'
import { type AdminPlace, parseAdminPlace } from '../admin/admin-place.ts'
import { parseDuration } from '../config/settings/duration.ts'
import { parseLabels } from '../table/explain/question.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** kubectl takes a short option's value after an equals sign too: `-o=json`. */
export const afterEquals = (text: string): string => (text.startsWith('=') ? text.slice(1) : text)

/** -o, with the meaning of its value. */
export function formatOption(description: string): Option {
  const option = new Option('-o, --output <FORMAT>', description).choices(['text', 'json'])
  const { parseArg } = option
  return option.argParser((text, before) => parseArg?.call(option, afterEquals(text), before))
}

export const outputOption = (): Option => formatOption('text for people, json for programs').default('text')

export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map(line => `  ${line}\n`).join('')}`

export function integerUpTo(max: number): (text: string) => number {
  return text => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
    if (value < 0 || value > max)
      throw new InvalidArgumentError(`It must be a whole number from 0 to ${max}.`)
    return value
  }
}

export function adminPlace(text: string): AdminPlace {
  const found = parseAdminPlace(text)
  if (!found)
    throw new InvalidArgumentError('It must be an IP address and a port, like 127.0.0.1:15021, or unix:PATH.')
  return found
}

export function percent(text: string): number {
  const value = /^\d{1,3}(\.\d+)?$/.test(text) ? Number(text) : -1
  if (value < 0 || value > 100) throw new InvalidArgumentError('It must be a number from 0 to 100.')
  return value
}

export function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === null || ms < 0) {
    const unit = /^\d+(\.\d+)?$/.test(text) ? `It has no unit: ${text}s, ${text}ms? ` : ''
    throw new InvalidArgumentError(`${unit}It must be a duration, like 30s or 1m30s.`)
  }
  return ms
}

/** An option whose default the help shows as it would be typed: 30s. */
export const durationOption = (flags: string, description: string, fallback: string, parse = duration) =>
  new Option(flags, description).argParser(parse).default(duration(fallback), fallback)

export function labels(text: string): Record<string, string> {
  const found = parseLabels(text)
  if (found) return found
  const wrong = text.split(',').find(each => parseLabels(each) === null)
  throw new InvalidArgumentError(
    `${wrong === undefined || wrong === text ? '' : `"${wrong}" is no label. `}It must be labels, like app=web,tier=front.`,
  )
}
