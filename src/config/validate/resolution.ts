/**
 * Which parts of a ServiceEntry are allowed, depending on its `resolution`.
 *
 * The rules are istiod's (the later half of ValidateServiceEntry) and the schema's CEL rules.
 */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { checkLabels } from './field-checks.ts'
import { domain, inAscii, isIpAddress } from './names.ts'
import { protocolFamily } from './values.ts'
import { checkEndpointPorts, checkStaticEndpoint } from './workload-entry.ts'

/** Checks of the ServiceEntry itself. */
export type Owner = { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }

/** The label that names the waypoint in front of a service, or "none". */
const USE_WAYPOINT = 'istio.io/use-waypoint'
const DYNAMIC_PROTOCOLS = ['HTTP', 'HTTP2', 'GRPC', 'TLS']

export function checkResolution(spec: Field, portNames: ReadonlySet<string>, owner: Owner): void {
  const resolution = spec.get('resolution').text ?? 'NONE'
  if (Object.hasOwn(RESOLUTIONS, resolution)) RESOLUTIONS[resolution](spec, portNames, owner)
  if (resolution !== 'NONE') checkSeveralHosts(spec)
}

type Check = (spec: Field, portNames: ReadonlySet<string>, owner: Owner) => void

const RESOLUTIONS: Readonly<Record<string, Check>> = {
  NONE: spec => {
    const endpoints = spec.get('endpoints')
    if (!endpoints.absent) endpoints.report('CFG210', 'resolution NONE does not allow endpoints')
    const selector = spec.get('workloadSelector')
    if (!selector.absent) selector.report('CFG252', 'workloadSelector has no effect with resolution NONE')
  },
  STATIC: (spec, portNames) => {
    for (const endpoint of spec.get('endpoints').items) checkStaticEndpoint(endpoint, portNames)
  },
  DNS: (spec, portNames) => checkDns(spec, portNames, Number.POSITIVE_INFINITY),
  DNS_ROUND_ROBIN: (spec, portNames) => checkDns(spec, portNames, 1),
  DYNAMIC_DNS: (spec, _, owner) => checkDynamicDns(spec, owner),
}

function checkDns(spec: Field, portNames: ReadonlySet<string>, endpointsMax: number): void {
  checkCidrs(spec.get('addresses'))
  const endpoints = spec.get('endpoints')
  if (endpoints.empty) {
    for (const host of spec.get('hosts').items) {
      if (host.text !== '*') {
        host.check('CFG201', text => (domain(text) === null ? null : 'cannot be resolved without endpoints'))
      }
    }
  }
  if (endpoints.items.length > endpointsMax) {
    endpoints.report(
      'CFG210',
      `resolution DNS_ROUND_ROBIN takes ${endpointsMax} endpoint, not ${endpoints.items.length}`,
    )
  }
  for (const endpoint of endpoints.items) checkDnsEndpoint(endpoint, portNames)
  checkSharedAddress(spec)
}

/** Names are resolved per connection, so only wildcards and ports are allowed. */
function checkDynamicDns(spec: Field, owner: Owner): void {
  for (const host of spec.get('hosts').items) {
    host.check('CFG201', text =>
      text.startsWith('*') ? null : 'is not a wildcard, which resolution DYNAMIC_DNS requires',
    )
  }
  for (const name of ['addresses', 'endpoints']) {
    const list = spec.get(name)
    if (!list.empty) list.report('CFG210', `resolution DYNAMIC_DNS does not allow ${name}`)
  }
  for (const port of spec.get('ports').items) checkDynamicProtocol(port.get('protocol'))
  const location = spec.get('location')
  if (location.text === 'MESH_INTERNAL' && usesWaypoint(owner)) {
    location.report('CFG210', 'resolution DYNAMIC_DNS is not for MESH_INTERNAL behind a waypoint')
  }
}

function checkDynamicProtocol(protocol: Field): void {
  const text = protocol.text ?? ''
  if (DYNAMIC_PROTOCOLS.includes(text.toUpperCase())) return
  const message = `resolution DYNAMIC_DNS does not serve protocol ${quote(text)}`
  protocol.report('CFG210', message, `it serves ${DYNAMIC_PROTOCOLS.join(', ')}`)
}

const usesWaypoint = ({ labels }: Owner): boolean =>
  !['', 'none'].includes((labels[USE_WAYPOINT] ?? '').toLowerCase())

function checkCidrs(addresses: Field): void {
  for (const address of addresses.items) {
    address.check('CFG210', text =>
      text.includes('/') ? 'is a range, which only resolution NONE and STATIC allow' : null,
    )
  }
}

function checkDnsEndpoint(endpoint: Field, portNames: ReadonlySet<string>): void {
  const address = endpoint.get('address')
  if (address.absent) address.report('CFG211', 'an endpoint that is resolved must have an address')
  address.check('CFG203', text =>
    isIpAddress(text) || domain(text) === null
      ? null
      : `is neither a host name nor an IP address${inAscii(text)}`,
  )
  checkLabels(endpoint.get('labels'))
  checkEndpointPorts(endpoint, portNames)
}

/** TCP connections to one address cannot tell several hosts apart. */
function checkSharedAddress(spec: Field): void {
  const hosts = spec.get('hosts')
  if (spec.get('addresses').empty || hosts.items.length < 2) return
  const isTcp = spec.get('ports').items.some(port => ['tcp', 'tls'].includes(familyOf(port) ?? ''))
  if (isTcp) hosts.report('CFG253', 'several hosts share one address on a TCP port')
}

/** Without HTTP or TLS, nothing in a connection tells several hosts apart. */
function checkSeveralHosts(spec: Field): void {
  const hosts = spec.get('hosts')
  if (hosts.items.length < 2) return
  const plain = spec.get('ports').items.find(port => !['http', 'tls'].includes(familyOf(port) ?? ''))
  plain?.report('CFG210', 'several hosts need HTTP or TLS ports, which tell them apart')
}

function familyOf(port: Field): ReturnType<typeof protocolFamily> {
  return protocolFamily(port.get('protocol').text ?? '')
}
