/**
 * Whether a resource with errors may define what a finding reports as missing.
 *
 * Each code has one check. It compares what is known of the resources of the right kinds: the name
 * of a Gateway, the hosts of a ServiceEntry. An unreadable name or list of hosts matches
 * everything.
 */

import { expandHost, gatewayId, hostsOverlap, MESH, namespaceOfHost, serviceHost } from '../plan/names.ts'
import type { Unusable, UnusableResource } from '../unusable.ts'
import type { Code } from './codes.ts'
import { valueAt as at, type Held } from './diagnostic.ts'

type Question = (held: Subject, unusable: Unusable) => boolean
type Subject = Held & { readonly namespace: string }

/** Whether an unusable resource may define what the finding misses. */
export function mayDefine(held: Held, namespace: string, unusable: Unusable): boolean {
  const question = QUESTIONS[held.code]
  return question !== undefined && (unusable.hasUnknown || question({ ...held, namespace }, unusable))
}

/** Kinds whose absence can explain a missing listener. */
const LISTENERS = ['Gateway', 'Settings', 'Service', 'ServiceEntry'] as const

const QUESTIONS: { readonly [code in Code]?: Question } = {
  IST0101: (held, unusable) => {
    const { resource, path, namespace } = held
    if (path[1] === 'gateways') return gateway(String(at(resource.value, path)), namespace, unusable)
    const steps = path.slice(0, path.indexOf('destination') + 1)
    const wanted = at(resource.value, [...steps, 'host'])
    return path.at(-1) === 'subset'
      ? rulesFor(wanted, namespace, unusable)
      : host(wanted, namespace, unusable)
  },
  IST0162: (_, unusable) => unusable.of('Service', 'Pod').length > 0,
  IST0173: ({ resource, namespace }, unusable) =>
    endpoints(at(resource.value, ['spec', 'host']), namespace, unusable),
  IST0174: ({ resource, namespace }, unusable) =>
    host(at(resource.value, ['spec', 'host']), namespace, unusable),
  CFG404: ({ namespace }, unusable) => endpointsIn(namespace, unusable),
  CFG407: ({ resource, path, namespace }, unusable) => host(at(resource.value, path), namespace, unusable),
  CFG408: (held, unusable) => hostsOfRule(held, unusable) || gatewaysOfRule(held, unusable),
  CFG411: (_, unusable) => unusable.of('Settings').length > 0,
  CFG416: ({ resource, path, namespace }, unusable) => host(at(resource.value, path), namespace, unusable),
  CFG452: (held, unusable) => hostsOfRule(held, unusable) || gatewaysOfRule(held, unusable),
  CFG459: ({ resource, path, namespace }, unusable) => {
    const wanted = at(resource.value, [...path, 'host'])
    return [host, endpoints, rulesFor].some(each => each(wanted, namespace, unusable))
  },
  CFG461: (_, unusable) => unusable.of('VirtualService').length > 0,
  CFG462: (_, unusable) => unusable.of('VirtualService').length > 0,
  CFG466: (held, unusable) => gatewaysOfRule(held, unusable),
  IST0127: (_, unusable) => unusable.of('Pod', 'WorkloadEntry', 'Settings').length > 0,
  CFG520: (_, unusable) => unusable.of('GatewayClass').length > 0,
  CFG523: (_, unusable) => unusable.of('Secret', 'ReferenceGrant').length > 0,
  CFG524: (_, unusable) => unusable.of('Gateway', 'ListenerSet', 'Namespace').length > 0,
  CFG525: (_, unusable) => unusable.of('Service', 'ReferenceGrant').length > 0,
  CFG528: (_, unusable) => unusable.of('Service', 'Secret').length > 0,
  // A RouteTest names a listener, or a rule of one.
  CFG491: (_, unusable) => unusable.of(...LISTENERS).length > 0,
  CFG492: (_, unusable) => unusable.of('VirtualService', ...LISTENERS).length > 0,
  CFG493: (_, unusable) => unusable.of(...LISTENERS).length > 0,
  // Only the Settings decide whether the mesh listens.
  ...Object.fromEntries(
    (['CFG405', 'CFG406', 'CFG415', 'CFG464', 'CFG481'] as const).map(code => [
      code,
      (_: Subject, unusable: Unusable) => unusable.of('Settings').length > 0,
    ]),
  ),
}

function gateway(written: string, namespace: string, unusable: Unusable): boolean {
  const id = gatewayId(written, namespace)
  return unusable.of('Gateway').some(each => each.name === '' || `${each.namespace}/${each.name}` === id)
}

/** Whether a Service or ServiceEntry may have a host. */
function host(wanted: unknown, namespace: string, unusable: Unusable): boolean {
  const full = expandHost(String(wanted), namespace)
  const isService = ({ name, namespace }: UnusableResource): boolean =>
    name === '' || serviceHost(name, namespace) === full
  return (
    unusable.of('Service').some(isService) ||
    unusable.of('ServiceEntry').some(({ value }) => covers(at(value, ['spec', 'hosts']), full))
  )
}

function covers(hosts: unknown, wanted: string): boolean {
  const texts = Array.isArray(hosts) ? hosts.filter(each => typeof each === 'string') : []
  return texts.length === 0 || texts.some(each => hostsOverlap(each, wanted))
}

/** Whether a DestinationRule may be for a host. */
function rulesFor(wanted: unknown, namespace: string, unusable: Unusable): boolean {
  const full = expandHost(String(wanted), namespace)
  return unusable.of('DestinationRule').some(({ value, namespace }) => {
    const host = at(value, ['spec', 'host'])
    return typeof host !== 'string' || hostsOverlap(expandHost(host, namespace), full)
  })
}

/** Whether an unusable resource may hold endpoints of the service with a host. */
function endpoints(wanted: unknown, namespace: string, unusable: Unusable): boolean {
  const full = expandHost(String(wanted), namespace)
  return endpointsIn(namespaceOfHost(full) || namespace, unusable) || host(wanted, namespace, unusable)
}

const endpointsIn = (namespace: string, unusable: Unusable): boolean =>
  unusable
    .of('Pod', 'EndpointSlice', 'Endpoints', 'WorkloadEntry')
    .some(each => each.name === '' || each.namespace === namespace)

const hostsOfRule = ({ resource, namespace }: Subject, unusable: Unusable): boolean =>
  textsAt(resource.value, ['spec', 'hosts']).some(each => host(each, namespace, unusable))

const gatewaysOfRule = ({ resource, namespace }: Subject, unusable: Unusable): boolean =>
  textsAt(resource.value, ['spec', 'gateways']).some(
    each => each !== MESH && gateway(each, namespace, unusable),
  )

function textsAt(root: unknown, path: readonly (string | number)[]): readonly string[] {
  const list = at(root, path)
  return Array.isArray(list) ? list.filter(each => typeof each === 'string') : []
}
