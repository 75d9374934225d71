/** Reports unused definitions: servers without a rule, Gateways for other workloads, subsets. */

import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { expandHost, hostsOverlap, isWildcard } from '../plan/names.ts'
import { type Server, scopesBehind, socketKey } from '../plan/servers.ts'
import type { Planned } from '../plan/to-plan.ts'
import type { VirtualService } from '../plan/virtual-services.ts'
import { hasLabels } from '../plan/workload.ts'

export function reportUnused(planned: Planned, notes: boolean, findings: Findings): void {
  reportServers(planned, findings)
  if (!notes) return
  reportGateways(planned, findings)
  reportSubsets(planned, findings)
}

function reportServers({ plan, sockets }: Planned, findings: Findings): void {
  for (const { gateway, bind, port, scopes } of plan.listeners) {
    const servers = (sockets.get(socketKey(bind, port)) ?? []).filter(each => each.gateway === gateway)
    for (const [index, server] of serversOf(servers).entries()) {
      const isUsed = scopes[index].rules.some(
        rule => rule.never === null && (rule.port === 0 || rule.port === port),
      )
      if (isUsed || scopes[index].serves === false) continue
      const which = server.names.length === 0 ? '' : ` and the hosts [${server.names.join(', ')}]`
      const whose = server.rules ? 'no route is attached' : 'no rule of any VirtualService applies'
      const message = `${whose} to port ${port}${which}: its connections are reset`
      findings.at('CFG462', server.resource, server.path, message)
    }
  }
}

/** One for each scope of a listener, in order. */
const serversOf = (servers: readonly Server[]): Server[] => scopesBehind(servers).map(([first]) => first)

function reportGateways({ gateways, settings }: Planned, findings: Findings): void {
  if (!settings.workload) return
  const labels = Object.entries(settings.workload.labels).map(([key, value]) => `${key}=${value}`)
  for (const { resource, selector } of gateways) {
    if (hasLabels(settings.workload.labels, selector)) continue
    const message = `the selector does not select the workload of the Settings (${labels.join(', ') || 'no labels'}), so none of its servers is served`
    findings.at('CFG463', resource, ['spec', 'selector'], message)
  }
}

function reportSubsets({ destinationRules, virtualServices }: Planned, findings: Findings): void {
  const hosts = hostsBySubset(virtualServices)
  for (const { resource, value } of destinationRules) {
    const host = expandHost(value.host, resource.metadata.namespace)
    const isUsed = (name: string): boolean => {
      const wanted = hosts.get(name)
      if (!wanted) return false
      return isWildcard(host) ? [...wanted].some(each => hostsOverlap(each, host)) : wanted.has(host)
    }
    const unused = [...(value.subsets ?? []).entries()].filter(([, { name }]) => !isUsed(name))
    const isEmpty = (index: number): boolean => findings.has('IST0173', resource, ['spec', 'subsets', index])
    const [first, ...others] = unused.filter(([index]) => !isEmpty(index))
    if (!first) continue
    const names = [first, ...others].map(([, { name }]) => quote(name)).join(', ')
    const which = others.length === 0 ? `subset ${names}` : `subsets ${names}`
    findings.at(
      'CFG461',
      resource,
      ['spec', 'subsets', first[0]],
      `no route names ${which} of ${quote(value.host)}`,
    )
  }
}

/** For each subset's name the hosts that routes use it with. */
function hostsBySubset(virtualServices: readonly VirtualService[]): Map<string, Set<string>> {
  const hosts = new Map<string, Set<string>>()
  for (const { spec, namespace } of virtualServices) {
    for (const block of ['tcp', 'tls', 'http'] as const) {
      for (const { destination } of (spec[block] ?? []).flatMap(each => each.route ?? [])) {
        if (!destination?.subset) continue
        const host = expandHost(destination.host, namespace)
        hosts.getOrInsertComputed(destination.subset, () => new Set()).add(host)
      }
    }
  }
  return hosts
}
