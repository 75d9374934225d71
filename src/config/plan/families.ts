/**
 * Address families of Kubernetes Services.
 *
 * A Service has one family, or two in an order (`ipFamilies`), and its endpoints have addresses of
 * those families only, whatever other addresses their Pods have.
 */

import { type Family, familyOf } from '../../address/address.ts'
import type { ServiceSpec } from './inputs.ts'

/** The known families of a Service, the primary one first. */
export type Families = {
  /**
   * None: unknown, and the first address of a Pod counts, which is of the cluster's primary family.
   */
  readonly known: readonly Family[]
  readonly isDual: boolean
}

export function familiesOf({ ipFamilies, ipFamilyPolicy, clusterIP, clusterIPs }: ServiceSpec): Families {
  const addresses = clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP])
  const assigned = addresses.flatMap(address => familyOf(address) ?? [])
  const written = (ipFamilies ?? []).flatMap(name => FAMILIES.get(name) ?? [])
  const known = [...new Set(written.length > 0 ? written : assigned)]
  // As Kubernetes would default it: a Service from a repository has no addresses yet.
  const wantsBoth = ipFamilyPolicy === 'PreferDualStack' || ipFamilyPolicy === 'RequireDualStack'
  if (wantsBoth && known.length === 1 && assigned.length < 2 && written.length + assigned.length < 2) {
    known.push(known[0] === 4 ? 6 : 4)
  }
  return { known, isDual: known.length === 2 || (known.length === 0 && wantsBoth) }
}

const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ['IPv4', 4],
  ['IPv6', 6],
])

/**
 * A Pod's address for a Service, and the one of the other family if the Service has both; null:
 * none.
 */
export function addressFor(
  addresses: readonly string[],
  { known, isDual }: Families,
): { address: string; other: string | null } | null {
  const order = known.length > 0 ? known : [addresses.flatMap(each => familyOf(each) ?? [])[0]]
  const found = [...order, ...(isDual && order.length === 1 ? [order[0] === 4 ? 6 : 4] : [])].flatMap(
    family => addresses.find(each => familyOf(each) === family) ?? [],
  )
  return found.length === 0 ? null : { address: found[0], other: found[1] ?? null }
}
