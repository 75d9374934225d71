/**
 * How a message quotes the operator's text: in double quotes and shortened.
 */

import { QUOTED_MAX } from '../text/limits.ts'

/** `"text"`, shortened; control characters become escapes. */
export function quote(text: string): string {
  return JSON.stringify(text.length <= QUOTED_MAX ? text : `${text.slice(0, QUOTED_MAX)}…`)
}

/** What a value is, in a message: `"text"`, `5`, `true`, `nothing`, `a list`, `an object`. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : String(value)
}
