/**
 * Says which mesh VirtualServices share a host (IST0109).
 *
 * Istio uses one of them for a client, and does not say which. weir tries them in turn
 * (docs/configuration.md). What counts as shared is istioctl's rule
 * (analyzers/virtualservice/conflictingmeshgatewayhosts.go): the same host, seen by the same namespaces;
 * for one that only some see also an overlapping host of one that all see.
 */

import type { Findings } from '../diagnostic.ts'
import { quote } from '../quote.ts'
import { HostIndex } from './host-index.ts'
import { MESH } from './names.ts'
import type { VirtualService } from './virtual-services.ts'

/** VirtualServices that the message names. */
const NAMED_MAX = 5

export function reportSharedHosts(virtualServices: readonly VirtualService[], findings: Findings): void {
  const mesh = virtualServices.filter(each => each.gateways.includes(MESH))
  const scopes = new Map<string, HostIndex<VirtualService>>()
  for (const each of mesh) {
    for (const scope of scopesOf(each)) {
      const index = scopes.getOrInsertComputed(scope, () => new HostIndex<VirtualService>())
      for (const host of new Set(each.hosts)) index.add(host, each)
    }
  }
  for (const each of mesh) reportFirst(each, scopes, findings)
}

/** '*' stands for all namespaces. */
const scopesOf = ({ visibility }: VirtualService): readonly string[] =>
  visibility === 'public' ? ['*'] : [...visibility]

/** One finding for each VirtualService, at the first host that another has too. */
function reportFirst(
  virtualService: VirtualService,
  scopes: ReadonlyMap<string, HostIndex<VirtualService>>,
  findings: Findings,
): void {
  const { hosts, resource } = virtualService
  for (const [index, host] of hosts.entries()) {
    const others = new Set(scopesOf(virtualService).flatMap(scope => sharers(host, scope, scopes)))
    others.delete(virtualService)
    if (others.size === 0) continue
    const titles = [...others].map(each => each.resource.title)
    const rest = titles.length - NAMED_MAX
    const names = `${titles.slice(0, NAMED_MAX).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
    const message = `the mesh host ${quote(host)} is also that of ${names}: their rules are tried in turn`
    findings.at('IST0109', resource, ['spec', 'hosts', index], message)
    return
  }
}

function sharers(
  host: string,
  scope: string,
  scopes: ReadonlyMap<string, HostIndex<VirtualService>>,
): readonly VirtualService[] {
  const same = scopes.get(scope)?.exact(host) ?? []
  if (scope !== '*') return [...same, ...(scopes.get('*')?.overlapping(host) ?? [])]
  const narrower = [...scopes]
    .filter(([name]) => name !== '*')
    .flatMap(([, index]) => [...index.overlapping(host)])
  return [...same, ...narrower]
}
