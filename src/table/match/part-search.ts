/**
 * The first matching rule of a scope by its parts (../build/parts.ts), if more rules can match than
 * a shortlist holds. Never throws, allocates nothing.
 */

import { Group, PART_CHAINS, Part, PartRule } from '../format/classifier-layout.ts'
import { NO_RULE } from '../format/outcome.ts'
import { ABSENT, findPair } from '../format/pair-index.ts'
import type { Table } from '../format/table.ts'
import { ANY_NODE } from './find-node.ts'
import type { Fulfilled } from './fulfilled.ts'
import { chainOf, firstShortlisted } from './shortlist-search.ts'

/** What `firstRule` returns (classifier.ts). */
export function firstInParts(
  table: Table,
  scope: number,
  destination: number,
  client: number,
  port: number,
  fulfilled: Fulfilled,
): number {
  let best = NO_RULE
  for (let index = fulfilled.first; index < fulfilled.first + fulfilled.count; index++) {
    const group = findPair(table.groupIndex, scope, fulfilled.conditions[index])
    if (group === ABSENT || table.groups[group + Group.least] >= best) continue
    best = firstInGroup(table, group, destination, client, port, fulfilled, best)
  }
  return best
}

/**
 * The first rule of a group that matches and is less than `limit`; else `limit`. The same holds
 * below.
 */
function firstInGroup(
  table: Table,
  group: number,
  destination: number,
  client: number,
  port: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  const { groups, clientParents } = table
  let best = limit
  const ofAnyone = groups[group + Group.anyonePart]
  if (ofAnyone !== ABSENT) best = firstInPart(table, ofAnyone, destination, client, port, fulfilled, best)
  const clients = groups[group + Group.clients]
  if (clients === 0) return best
  for (let node = client; node !== ANY_NODE; node = clientParents[node]) {
    const part = ((clients >>> (node & 31)) & 1) === 0 ? ABSENT : findPair(table.partIndex, group, node)
    if (part !== ABSENT) best = firstInPart(table, part, destination, client, port, fulfilled, best)
  }
  return best
}

function firstInPart(
  table: Table,
  part: number,
  destination: number,
  client: number,
  port: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  const { parts } = table
  if (parts[part + Part.least] >= limit) return limit
  if (parts[part + Part.count] > 0) return firstListed(table, part, destination, port, fulfilled, limit)
  const named = chainOf(table, PART_CHAINS + part, parts[part + Part.ports], port)
  return firstShortlisted(
    table,
    named,
    parts[part + Part.anyPortChain],
    destination,
    client,
    fulfilled,
    limit,
  )
}

function firstListed(
  { parts }: Table,
  part: number,
  destination: number,
  port: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  const first = part + Part.WORDS
  const end = first + PartRule.WORDS * parts[part + Part.count]
  for (let at = first; at < end; at += PartRule.WORDS) {
    const rule = parts[at + PartRule.rule]
    if (rule >= limit) return limit
    const asked = parts[at + PartRule.port]
    if (asked !== port && asked !== 0) continue
    const place = (destination - parts[at + PartRule.firstDestination]) >>> 0
    if (place > parts[at + PartRule.destinationSpan]) continue
    fulfilled.route = parts[at + PartRule.route]
    return rule
  }
  return limit
}
