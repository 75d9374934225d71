/**
 * Http matches whose uri prefix is inside that of an earlier match that is otherwise no narrower
 * (IST0131).
 */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'

/** Fields that are compared as words, and those that are maps of such words. */
const MAPS = ['headers', 'queryParams', 'withoutHeaders'] as const

type Prefixed = { readonly match: Field; readonly prefix: string }

/** Istio's comparison (coveredValidation), of every match with every earlier one. */
export function checkPrefixes(routes: Field): void {
  const byPrefix = new Map<string, Prefixed[]>()
  for (const later of prefixedMatches(routes)) {
    const earlier = shorterPrefixes(later.prefix)
      .flatMap(prefix => byPrefix.get(prefix) ?? [])
      .find(each => hides(each.match, later.match))
    if (earlier) {
      const message = `prefix ${quote(later.prefix)} lies inside prefix ${quote(earlier.prefix)} of an earlier match`
      later.match.report('IST0131', message)
    }
    byPrefix.set(later.prefix, [...(byPrefix.get(later.prefix) ?? []), later])
  }
}

const shorterPrefixes = (prefix: string): readonly string[] =>
  Array.from({ length: prefix.length - 1 }, (_, index) => prefix.slice(0, index + 1))

function prefixedMatches(routes: Field): readonly Prefixed[] {
  const found: Prefixed[] = []
  for (const route of routes.items) {
    const matches = route.get('match').items
    if (matches.length === 0) break // the rest is unreachable anyway
    for (const match of matches) {
      const prefix = match.get('uri').get('prefix').text
      if (prefix) found.push({ match, prefix })
    }
  }
  return found
}

function hides(a: Field, b: Field): boolean {
  if ((a.get('port').number ?? 0) !== (b.get('port').number ?? 0)) return false
  if (!wordOf(a.get('method'), 'exact:GET').startsWith(wordOf(b.get('method'), 'exact:GET'))) return false
  if (!wordOf(a.get('authority')).startsWith(wordOf(b.get('authority')))) return false
  return MAPS.every(name => mapHides(a.get(name), b.get(name)))
}

function mapHides(earlier: Field, later: Field): boolean {
  if (earlier.entries.length !== later.entries.length) return false
  const others = new Map(later.entries)
  return earlier.entries.every(([key, value]) => {
    const other = others.get(key)
    return other !== undefined && wordOf(value).startsWith(wordOf(other))
  })
}

/** "exact:GET", "prefix:/api", or nothing; a regular expression counts as nothing. */
function wordOf(match: Field, absent = ''): string {
  for (const kind of ['exact', 'prefix']) {
    if (match.get(kind).filled) return `${kind}:${match.get(kind).text}`
  }
  return absent
}
