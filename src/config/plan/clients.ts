/**
 * Clients: who connects from where.
 *
 * The Settings take precedence, then workloads with an address. If several have one address, one is
 * used: not a Pod that is being deleted, since its address may have been reused.
 */

import { parseCidr } from '../../address/address.ts'
import type { Source } from '../../table/plan/plan.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import type { Settings } from '../settings/settings.ts'
import type { Workload } from './workload.ts'
import type { Workloads } from './workloads.ts'

export function sourcesOf(settings: Settings, workloads: Workloads, findings: Findings): Source[] {
  const described: Source[] = []
  const isIdentity = settings.authorization.identity === 'address'
  for (const [address, all] of workloads.byAddress()) {
    const cidr = parseCidr(address)
    const owners = all.length === 1 && all[0].ownAddress ? all : claimants(all)
    const [owner, ...others] = owners
    if (!cidr || !owner) continue
    described.push(sourceOf(cidr, owner, isIdentity))
    for (const other of others)
      if (!isSame(owner, other, isIdentity)) reportClaim(address, owner, other, findings)
  }
  return [...settings.sources, ...described]
}

function sourceOf(
  cidr: Source['cidr'],
  { namespace, labels, serviceAccount }: Workload,
  isIdentity: boolean,
) {
  return isIdentity && serviceAccount !== ''
    ? { cidr, namespace, labels, serviceAccount }
    : { cidr, namespace, labels }
}

function claimants(all: readonly Workload[]): readonly Workload[] {
  const own = all.filter(each => each.ownAddress)
  const staying = own.filter(each => !each.terminating)
  return staying.length > 0 ? staying : own
}

/** Whether the two give a client the same identity. */
const isSame = (left: Workload, right: Workload, isIdentity: boolean): boolean =>
  left.namespace === right.namespace &&
  (!isIdentity || left.serviceAccount === right.serviceAccount) &&
  textOf(left) === textOf(right)

const textOf = ({ labels }: Workload): string => JSON.stringify(Object.entries(labels).sort())

function reportClaim(address: string, owner: Workload, other: Workload, findings: Findings): void {
  const path: Path = other.resource.kind === 'Pod' ? ['status'] : ['spec', 'address']
  const message = `${address} belongs to ${owner.resource.title} too; weir takes a client from there for that one`
  findings.at('CFG414', other.resource, path, message)
}
