/** The endpoints of a cluster: which members of its service it has, and in what order they come. */

import { type Family, familyOf } from '../../address/address.ts'
import type { Place } from '../../table/plan/plan.ts'
import type { Labels } from './inputs.ts'
import { type PlacingRules, placeMembers } from './priorities.ts'
import type { AskedPort, Member } from './service.ts'
import { hasLabels } from './workload.ts'

/** What a cluster asks of members; plain data. */
export type Choice = {
  /** Of its subset. */
  readonly labels: Labels
  readonly port: AskedPort
  /** The family of the dialled address, if the service has both; else null. */
  readonly family: Family | null
  readonly placing: PlacingRules
  /** The zone for which endpoints have to be, where hints count; else ''. */
  readonly zone: string
  /** The node on which endpoints have to be (internalTrafficPolicy: Local); else ''. */
  readonly node: string
}

type Chosen = {
  readonly members: readonly Member[]
  /** Null: all endpoints are alike. */
  readonly localities: readonly string[] | null
  readonly places: readonly Place[]
}

export function chooseMembers(
  all: readonly Member[],
  { labels, port, family, placing, zone, node }: Choice,
): Chosen {
  const fitting = all.filter(
    member =>
      hasLabels(member.labels, labels) &&
      member.portOf(port) !== 0 &&
      (node === '' || member.where?.node === node),
  )
  const staying = fitting.filter(member => !member.draining)
  const members = staying.length > 0 ? hintedFor(zone, staying) : fitting
  const placed = placeMembers(members, placing)
  const places: Place[] = []
  for (const [index, member] of members.entries()) {
    const placing = placed?.placings[index]
    if (placing === null) continue
    const isOther = family !== null && familyOf(member.address) !== family
    const place = isOther ? (member.other ?? member.address) : member.address
    const { weight, onlyFirst } = member
    const plain = { place, port: member.portOf(port), weight }
    places.push(placing || onlyFirst ? { ...plain, ...(onlyFirst && { onlyFirst }), ...placing } : plain)
  }
  return { members, localities: placed?.localities ?? null, places }
}

/** As kube-proxy: all, unless each is for some zone, and one for this (proxy/topology.go). */
function hintedFor(zone: string, members: readonly Member[]): readonly Member[] {
  if (zone === '' || members.some(({ zones = [] }) => zones.length === 0)) return members
  const near = members.filter(({ zones = [] }) => zones.includes(zone))
  return near.length > 0 ? near : members
}
