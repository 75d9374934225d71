/**
 * Reports services without an address, which therefore take connections to every address on their
 * ports (CFG415).
 */

import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Service, ServicePort } from './service.ts'

/** Services that the message names. */
const NAMED_MAX = 3

const HINTS = {
  Service:
    'the cluster assigns it: check the output of `kubectl get services -o yaml`, or set spec.clusterIP',
  ServiceEntry:
    'set spec.addresses, or check the output of `kubectl get serviceentries -o yaml`, with status',
} as const

const PLURALS = { Service: 'Services', ServiceEntry: 'ServiceEntries' } as const

/**
 * One finding for each kind of resource, since a repository's files often lack the addresses of
 * all.
 */
export function reportAnywhere(services: readonly Service[], findings: Findings): void {
  const found = services
    .filter(({ listens }) => listens === 'anywhere')
    .flatMap(service => {
      const port = service.ports.find(each => !isSaid(each, findings))
      return port ? [{ service, port }] : []
    })
  for (const kind of ['Service', 'ServiceEntry'] as const) {
    const [first, ...others] = found.filter(({ service }) => service.resource.kind === kind)
    if (!first) continue
    const message =
      others.length === 0
        ? `no address of ${quote(first.service.host)} is known, so it takes connections to any address on its port`
        : `no address of ${others.length + 1} ${PLURALS[kind]} is known, so they take connections to any address on their ports (${listOf([first, ...others])})`
    findings.at('CFG415', first.port.resource, first.port.path, message, HINTS[kind])
  }
}

function listOf(found: readonly { readonly service: Service }[]): string {
  const named = found.slice(0, NAMED_MAX).map(({ service }) => quote(service.host))
  const rest = found.length - named.length
  return `${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

/** For these ports Istio warns too, and validation has reported it (validate/service-entry.ts). */
const isSaid = ({ resource, path }: ServicePort, findings: Findings): boolean =>
  findings.has('CFG253', resource, path)
