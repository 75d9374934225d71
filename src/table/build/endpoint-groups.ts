/**
 * The groups of a cluster's endpoints: those of one priority and locality, in the order in which
 * they are used.
 */

import { EndpointGroup } from '../format/endpoints-layout.ts'
import type { Endpoint } from '../plan/plan.ts'

type Group = { readonly first: Endpoint; readonly endpoints: readonly Endpoint[] }

/** None: all endpoints are drawn as one. */
export function groupsOf(endpoints: readonly Endpoint[]): readonly Group[] {
  const placed = endpoints.filter(each => each.priority !== undefined || each.share !== undefined)
  if (placed.length === 0) return []
  const groups = [...Map.groupBy(endpoints, each => `${priorityOf(each)} ${each.locality ?? 0}`).values()]
  const sorted = groups
    .map(each => ({ first: each[0], endpoints: each }))
    .toSorted(
      (a, b) => priorityOf(a.first) - priorityOf(b.first) || localityOf(a.first) - localityOf(b.first),
    )
  return sorted.length < 2 ? [] : sorted
}

export function groupWords(groups: readonly Group[]): number[] {
  let from = 0
  return groups.flatMap(({ first, endpoints }) => {
    const words = new Array<number>(EndpointGroup.WORDS).fill(0)
    words[EndpointGroup.from] = from
    words[EndpointGroup.count] = endpoints.length
    words[EndpointGroup.priority] = priorityOf(first)
    words[EndpointGroup.share] = first.share ?? 0
    words[EndpointGroup.locality] = localityOf(first)
    from += endpoints.length
    return words
  })
}

const priorityOf = ({ priority = 0 }: Endpoint): number => priority
const localityOf = ({ locality = 0 }: Endpoint): number => locality
