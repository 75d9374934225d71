/**
 * Routes and matches that can never be used, found by comparing them literally (IST0130, IST0131).
 *
 * The comparison is istiod's (analyzeUnreachable…Rules): two matches are the same when they are written
 * the same, list order included; for http, a prefix that an earlier prefix covers counts too.
 */

import { quote } from '../quote.ts'
import { type Field, isObject } from './field.ts'

/** Reports what is unreachable in the routes of one block. */
export function checkReachable(routes: Field): void {
  const seen = new Map<string, Field>()
  let catchAll: Field | null = null
  for (const route of routes.items) {
    const matches = route.get('match').items
    if (matches.length === 0) {
      if (catchAll) unused(route, 'only the last route can be without match')
      catchAll = route
    } else if (catchAll) {
      unused(route, `${titleOf(catchAll)} before it has no match and takes everything`)
    } else {
      checkRepeated(route, matches, seen)
    }
  }
}

function checkRepeated(route: Field, matches: readonly Field[], seen: Map<string, Field>): void {
  let repeated = 0
  for (const match of matches) {
    const key = canonical(match.value)
    const earlier = seen.get(key)
    if (earlier) {
      repeated++
      match.report('IST0131', `${match.name} is the same as one of ${titleOf(earlier)}`)
    } else seen.set(key, route)
  }
  if (repeated === matches.length) unused(route, 'all its matches are those of earlier routes')
}

function unused(route: Field, reason: string): void {
  route.report('IST0130', `${titleOf(route)} is never used: ${reason}`)
}

function titleOf(route: Field): string {
  const name = route.get('name')
  return name.filled ? `route ${quote(name.text ?? '')}` : route.name
}

/** A match as text, the same for the same meaning: keys in order, empty fields and its name left out. */
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
