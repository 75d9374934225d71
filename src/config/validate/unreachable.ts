/**
 * Routes and matches that are never used, found by literal comparison (IST0130, IST0131).
 *
 * The comparison is istiod's (analyzeUnreachable…Rules): two matches are equal if they are written
 * the same, including list order; for http, a prefix that an earlier prefix covers counts too.
 */

import { whereText } from '../../base/where-text.ts'
import { formatPath, type Path, type Place } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { type Field, isObject } from './field.ts'

type Locate = (path: Path) => Place

/**
 * Reports unreachable parts of the routes of one block; `locate` gives the place of an earlier one.
 */
export function checkReachable(routes: Field, locate: Locate): void {
  const seen = new Map<string, Field>()
  let catchAll: Field | null = null
  for (const route of routes.items) {
    const matches = route.get('match').items
    if (catchAll) unused(route, `${earlierOf(catchAll, locate)} has no match and takes everything`)
    else if (matches.length === 0) catchAll = route
    else checkRepeated(route, matches, seen, locate)
  }
}

function checkRepeated(
  route: Field,
  matches: readonly Field[],
  seen: Map<string, Field>,
  locate: Locate,
): void {
  let repeated = 0
  for (const match of matches) {
    const key = canonical(match.value)
    const earlier = seen.get(key)
    if (earlier) {
      repeated++
      match.report('IST0131', `${match.name} is the same as ${earlierOf(earlier, locate)}`)
    } else seen.set(key, match)
  }
  if (repeated === matches.length) unused(route, 'all its matches repeat those of earlier routes')
}

function unused(route: Field, reason: string): void {
  route.report('IST0130', `${titleOf(route)} is never used: ${reason}`)
}

/** "tcp[0].match[1] (shop.yaml:12)": an earlier route or match, for a finding about a later one. */
function earlierOf(earlier: Field, locate: Locate): string {
  const { file, line } = locate(earlier.path)
  return `${formatPath(earlier.path.slice(1))} (${whereText(file, line)})`
}

function titleOf(route: Field): string {
  const name = route.get('name')
  return name.filled ? `route ${quote(name.text ?? '')}` : route.name
}

/** A match as text, equal for equal meaning: sorted keys, without empty fields and its name. */
function canonical(match: unknown): string {
  if (!isObject(match)) return JSON.stringify(match)
  const { name: _, ...rest } = match
  return JSON.stringify(
    sortKeys(Object.fromEntries(Object.entries(rest).filter(([, value]) => !isEmpty(value)))),
  )
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' ? value === null || Object.keys(value).length === 0 : !value

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(key => [key, sortKeys(value[key])]),
  )
}
