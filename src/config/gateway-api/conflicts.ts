/**
 * Which listeners of a Gateway and its ListenerSets cannot be told apart ("Distinct Listeners" in
 * apis/v1/gateway_types.go).
 *
 * Between resources the earlier keeps its place: the Gateway, then its ListenerSets by age. Of one
 * resource all that conflict lose. What has lost is in nobody's way.
 */

import type { WrittenListener } from './inputs.ts'
import type { Conflict } from './model.ts'

/** By name of server: connections with TLS, or with a Host. */
const BY_NAME = ['TLS', 'HTTPS', 'HTTP']

/** @param lists  The listeners of the Gateway, then those of each ListenerSet. */
export function conflictsOf(
  lists: readonly (readonly WrittenListener[])[],
): ReadonlyMap<WrittenListener, Conflict> {
  const conflicts = new Map<WrittenListener, Conflict>()
  const placed = new Map<number, WrittenListener[]>()
  for (const listeners of lists) {
    const left = listeners.filter(each => !loses(each, placed.get(each.port) ?? [], conflicts))
    const rivals = Map.groupBy(left, each => each.port)
    for (const listener of left) {
      const others = rivals.get(listener.port)?.filter(each => each !== listener) ?? []
      if (!loses(listener, others, conflicts))
        placed.getOrInsertComputed(listener.port, () => []).push(listener)
    }
  }
  return conflicts
}

/** Whether one of the others is in its way, which is noted. */
function loses(
  listener: WrittenListener,
  others: readonly WrittenListener[],
  conflicts: Map<WrittenListener, Conflict>,
): boolean {
  const found = others.map(each => conflictOf(listener, each)).find(each => each !== null)
  if (found) conflicts.set(listener, found)
  return found !== undefined
}

/** Of two at the same port. */
function conflictOf(left: WrittenListener, right: WrittenListener): Conflict | null {
  const [one, two] = [left.protocol, right.protocol]
  if ((one === 'UDP') !== (two === 'UDP')) return null
  if (one !== two && !(hasTls(one) && hasTls(two))) return 'ProtocolConflict'
  if (!BY_NAME.includes(one)) return 'ProtocolConflict'
  return nameOf(left) === nameOf(right) ? 'HostnameConflict' : null
}

const hasTls = (protocol: string): boolean => protocol === 'TLS' || protocol === 'HTTPS'
const nameOf = ({ hostname = '' }: WrittenListener): string => hostname.toLowerCase()
