/** Access control, opened for reading: views on the sections that access-layout.ts describes. */

import type { AddressBook } from '../match/find-node.ts'
import type { Identity } from '../plan/access.ts'
import type { Sections } from './sections.ts'

export type Access = {
  /** By listener: its groups and limits. */
  readonly listeners: Uint32Array
  readonly groups: Uint32Array
  readonly index: Uint32Array
  readonly lists: Uint32Array
  readonly rows: Uint32Array
  readonly runs: Uint32Array
  readonly tests: Uint32Array
  readonly ports: Uint32Array
  readonly names: readonly NamePatterns[]
  readonly identities: readonly AskedIdentity[]
  readonly book: AddressBook
  readonly parents: Uint32Array
  readonly limits: Uint32Array
}

/** An identity that a test asks for. */
export type AskedIdentity = {
  readonly of: Identity
  readonly patterns: readonly string[]
  /** The bit of `workloads` for clients without a certificate; −1: these have no identity. */
  readonly condition: number
}

/** Patterns of server names: whole ones, prefixes and suffixes ('' matches any name). */
export type NamePatterns = {
  readonly exact: ReadonlySet<string>
  readonly prefixes: readonly string[]
  readonly suffixes: readonly string[]
}

/** null: everybody may connect, without limits. */
export function viewAccess(sections: Sections<'routing'>): Access | null {
  const listeners = sections.words('access')
  if (listeners.length === 0) return null
  return {
    listeners,
    groups: sections.words('accessGroups'),
    index: sections.words('accessIndex'),
    lists: sections.words('accessLists'),
    rows: sections.words('accessRules'),
    runs: sections.words('accessRuns'),
    tests: sections.words('accessTests'),
    ports: sections.words('accessPorts'),
    names: (sections.unpacked('routing', 'accessNames') as readonly (readonly string[])[]).map(patternsOf),
    identities: sections.unpacked('routing', 'accessIdentities') as readonly AskedIdentity[],
    book: {
      hosts4: sections.words('accessHosts4'),
      hosts6: sections.words('accessHosts6'),
      ranges4: sections.trie('accessRanges4'),
      ranges6: sections.trie('accessRanges6'),
    },
    parents: sections.words('accessParents'),
    limits: sections.words('sourceLimits'),
  }
}

/** "a", "a*", "*a" and "*" (pilot/pkg/security/authz/matcher/string.go); names are lower case. */
export function patternsOf(texts: readonly string[]): NamePatterns {
  const patterns = texts.map(text => text.toLowerCase())
  return {
    exact: new Set(patterns.filter(each => !each.startsWith('*') && !each.endsWith('*'))),
    prefixes: patterns.flatMap(each => (each.endsWith('*') ? [each.slice(0, -1)] : [])),
    suffixes: patterns.flatMap(each => (each.startsWith('*') && each !== '*' ? [each.slice(1)] : [])),
  }
}
