/**
 * ServiceEntry: hosts, addresses, ports, and endpoints by the way that they are resolved.
 *
 * The rules are istiod's (ValidateServiceEntry) and the schema's CEL rules, which agree.
 */

import { quote } from '../quote.ts'
import type { Field } from './field.ts'
import { checkLabels, checkPort, checkSelector } from './field-checks.ts'
import { dnsLabel, domain, isIpAddress, isPartialWildcard, subnet, wildcardDomain } from './names.ts'
import { checkExportTo, checkProtocol, protocolFamily } from './values.ts'
import { checkEndpointPorts, checkStaticEndpoint } from './workload-entry.ts'

/** The label with which an operator refuses automatic addresses. */
const AUTO_ALLOCATE = 'networking.istio.io/enable-autoallocate-ip'
const DYNAMIC_PROTOCOLS = ['HTTP', 'HTTP2', 'GRPC', 'TLS']

type Owner = { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }

export function checkServiceEntry(spec: Field, owner: Owner): void {
  const selector = spec.get('workloadSelector')
  checkSelector(selector, 'labels')
  if (!selector.absent && !spec.get('endpoints').absent) {
    selector.report('CFG210', 'a ServiceEntry cannot have both workloadSelector and endpoints')
  }
  checkHosts(spec.get('hosts'))
  for (const address of spec.get('addresses').items) address.check('CFG203', subnet)
  const portNames = checkPorts(spec, owner)
  const resolution = spec.get('resolution').text ?? 'NONE'
  if (Object.hasOwn(RESOLUTIONS, resolution)) RESOLUTIONS[resolution](spec, portNames)
  if (resolution !== 'NONE') checkSeveralHosts(spec)
  checkExportTo(spec.get('exportTo'), owner.namespace, { noneAllowed: true })
}

function checkHosts(hosts: Field): void {
  if (hosts.empty) hosts.report('CFG211', 'a ServiceEntry must have at least one host')
  for (const host of hosts.items) {
    host.check('CFG201', text => (text === '*' ? 'is every host, which no service is' : wildcardDomain(text)))
    if (isPartialWildcard(host.text ?? '')) {
      host.report('CFG253', `${quote(host.text ?? '')} has a wildcard that is no whole label`)
    }
  }
}

/** Checks the ports and returns their names. */
function checkPorts(spec: Field, owner: Owner): ReadonlySet<string> {
  const names = new Set<string>()
  const numbers = new Set<number>()
  for (const port of spec.get('ports').items) {
    const name = port.get('name')
    const number = port.get('number')
    const protocol = port.get('protocol')
    unique(name, name.text, names)
    unique(number, number.number, numbers)
    name.check('CFG217', dnsLabel)
    if (!number.absent) checkPort(number)
    if (protocol.filled) checkProtocol(protocol)
    if (!port.get('targetPort').absent) checkPort(port.get('targetPort'))
    if (['', 'TCP'].includes(protocol.text ?? '') && isWithoutAddress(spec, owner)) {
      port.report('CFG253', `without addresses, this TCP port takes its connections on every address`)
    }
  }
  return names
}

function unique<T>(field: Field, value: T | undefined, seen: Set<T>): void {
  if (value === undefined) return
  if (seen.has(value)) field.report('CFG209', `port ${field.name} ${value} is defined twice`)
  seen.add(value)
}

/** No address of its own, and Istio gives it none either. */
function isWithoutAddress(spec: Field, owner: Owner): boolean {
  const automatic = !spec.get('resolution').absent && spec.get('resolution').text !== 'NONE'
  const refused = owner.labels[AUTO_ALLOCATE]?.toLowerCase() === 'false'
  return spec.get('addresses').empty && (!automatic || refused)
}

type Check = (spec: Field, portNames: ReadonlySet<string>) => void

const RESOLUTIONS: Readonly<Record<string, Check>> = {
  NONE: spec => {
    const endpoints = spec.get('endpoints')
    if (!endpoints.absent) endpoints.report('CFG210', 'resolution NONE takes no endpoints')
    const selector = spec.get('workloadSelector')
    if (!selector.absent) selector.report('CFG252', 'workloadSelector has no effect with resolution NONE')
  },
  STATIC: (spec, portNames) => {
    for (const endpoint of spec.get('endpoints').items) checkStaticEndpoint(endpoint, portNames)
  },
  DNS: (spec, portNames) => checkDns(spec, portNames, Number.POSITIVE_INFINITY),
  DNS_ROUND_ROBIN: (spec, portNames) => checkDns(spec, portNames, 1),
  DYNAMIC_DNS: spec => {
    for (const host of spec.get('hosts').items) {
      host.check('CFG201', text =>
        text.startsWith('*') ? null : 'is no wildcard, which resolution DYNAMIC_DNS needs',
      )
    }
    for (const name of ['addresses', 'endpoints']) {
      const list = spec.get(name)
      if (!list.empty) list.report('CFG210', `resolution DYNAMIC_DNS takes no ${name}`)
    }
    for (const port of spec.get('ports').items) {
      const protocol = port.get('protocol').text ?? ''
      if (DYNAMIC_PROTOCOLS.includes(protocol.toUpperCase())) continue
      const message = `resolution DYNAMIC_DNS does not serve protocol ${quote(protocol)}`
      port.get('protocol').report('CFG210', message, `it serves ${DYNAMIC_PROTOCOLS.join(', ')}`)
    }
  },
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

function checkCidrs(addresses: Field): void {
  for (const address of addresses.items) {
    address.check('CFG210', text =>
      text.includes('/') ? 'is a range, which is for resolution NONE or STATIC' : null,
    )
  }
}

function checkDnsEndpoint(endpoint: Field, portNames: ReadonlySet<string>): void {
  const address = endpoint.get('address')
  if (address.absent) address.report('CFG211', 'an endpoint that is resolved must have an address')
  address.check('CFG203', text =>
    isIpAddress(text) || domain(text) === null ? null : 'is neither a host name nor an IP address',
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

/** Without HTTP or TLS, nothing in a connection says which of several hosts it is for. */
function checkSeveralHosts(spec: Field): void {
  const hosts = spec.get('hosts')
  if (hosts.items.length < 2) return
  const plain = spec.get('ports').items.find(port => !['http', 'tls'].includes(familyOf(port) ?? ''))
  plain?.report('CFG210', 'several hosts need HTTP or TLS ports, to be told apart')
}

function familyOf(port: Field): ReturnType<typeof protocolFamily> {
  return protocolFamily(port.get('protocol').text ?? '')
}
