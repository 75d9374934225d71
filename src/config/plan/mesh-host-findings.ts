/**
 * Reports mesh VirtualServices that share a host (IST0109).
 *
 * Istio uses one of them for a client, and does not define which. weir tries them in turn
 * (docs/configuration.md). The definition of a shared host is istioctl's
 * (analyzers/virtualservice/conflictingmeshgatewayhosts.go): the same host, visible to the same
 * namespaces; for a VirtualService that only some see, also an overlapping host of a public one.
 */

import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { HostIndex } from './host-patterns.ts'
import { MESH } from './names.ts'
import type { VirtualService } from './virtual-services.ts'

/** VirtualServices that the message names, and that it counts. */
const NAMED_MAX = 5
const COUNTED_MAX = 100

export function reportSharedHosts(virtualServices: readonly VirtualService[], findings: Findings): void {
  const mesh = virtualServices.filter(each => each.gateways.includes(MESH))
  const scopes: Scopes = { byName: new Map(), narrower: new HostIndex() }
  for (const each of mesh) {
    for (const scope of scopesOf(each)) {
      const index = scopes.byName.getOrInsertComputed(scope, () => new HostIndex<VirtualService>())
      for (const host of new Set(each.hosts)) index.add(host, each)
    }
    if (each.visibility !== 'public') for (const host of new Set(each.hosts)) scopes.narrower.add(host, each)
  }
  for (const each of mesh) reportFirst(each, scopes, findings)
}

/** '*' stands for all namespaces. */
const scopesOf = ({ visibility }: VirtualService): readonly string[] =>
  visibility === 'public' ? ['*'] : [...visibility]

/** By host, for each namespace that sees it; `narrower` has all that only some namespaces see. */
type Scopes = {
  readonly byName: Map<string, HostIndex<VirtualService>>
  readonly narrower: HostIndex<VirtualService>
}

/** One finding for each VirtualService, at the first host that another has too. */
function reportFirst(virtualService: VirtualService, scopes: Scopes, findings: Findings): void {
  const { hosts, resource } = virtualService
  for (const [index, host] of hosts.entries()) {
    const others = othersOf(virtualService, host, scopes)
    if (others.size === 0) continue
    const named = [...others].slice(0, NAMED_MAX).map(each => each.resource.title)
    const rest = others.size - NAMED_MAX
    const more = `${others.size === COUNTED_MAX ? 'at least ' : ''}${rest} more`
    const names = `${named.join(', ')}${rest > 0 ? ` and ${more}` : ''}`
    const message = `the mesh host ${quote(host)} also belongs to ${names}: their rules are tried in turn`
    findings.at('IST0109', resource, ['spec', 'hosts', index], message)
    return
  }
}

/**
 * The others with the same host, up to the limit of counting: if all share it, each would scan all.
 */
function othersOf(virtualService: VirtualService, host: string, scopes: Scopes): Set<VirtualService> {
  const others = new Set<VirtualService>()
  for (const scope of scopesOf(virtualService)) {
    for (const each of sharers(host, scope, scopes)) {
      if (each !== virtualService) others.add(each)
      if (others.size === COUNTED_MAX) return others
    }
  }
  return others
}

function* sharers(host: string, scope: string, { byName, narrower }: Scopes): Generator<VirtualService> {
  yield* byName.get(scope)?.exact(host) ?? []
  if (scope === '*') yield* narrower.overlapping(host)
  else yield* byName.get('*')?.overlapping(host) ?? []
}
