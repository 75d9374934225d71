/**
 * WorkloadEntry, which is also what the endpoints of a ServiceEntry are (istiod
 * validateWorkloadEntry).
 */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { checkLabels, checkPort } from './field-checks.ts'
import { dnsLabel, domain, ipAddress, isIpAddress, UNIX_PREFIX, unixPath } from './names.ts'

/** The schema's rule (CEL) is one character stricter than a DNS label. */
const PORT_NAME_END = 63

export function checkWorkloadEntry(entry: Field): void {
  checkAddress(entry, text =>
    isIpAddress(text) || domain(text) === null ? null : 'is neither a host name nor an IP address',
  )
  checkEndpointPorts(entry, null)
  checkLabels(entry.get('labels'))
}

/** An endpoint of a ServiceEntry with resolution STATIC: no names. */
export function checkStaticEndpoint(endpoint: Field, portNames: ReadonlySet<string>): void {
  checkAddress(endpoint, ipAddress)
  checkEndpointPorts(endpoint, portNames)
  checkLabels(endpoint.get('labels'))
  if (isUnix(endpoint) && portNames.size !== 1) {
    endpoint.get('address').report('CFG210', `a unix socket serves exactly one port, not ${portNames.size}`)
  }
}

const isUnix = (entry: Field): boolean => entry.get('address').text?.startsWith(UNIX_PREFIX) ?? false

/** `otherwise`: what an address must be if it is no UNIX socket. */
function checkAddress(entry: Field, otherwise: (text: string) => string | null): void {
  const address = entry.get('address')
  const ports = entry.get('ports')
  if (address.absent || address.text === '') {
    const network = entry.get('network')
    if (network.filled) {
      address.report('CFG252', `without an address, only the network ${quote(network.text ?? '')} is known`)
    } else address.report('CFG211', 'address is missing', 'write an IP address, a host name or unix:///path')
  } else if (isUnix(entry)) {
    address.check('CFG203', socketPath)
    if (!ports.absent) ports.report('CFG210', 'a unix socket has no ports')
  } else address.check('CFG203', otherwise)
}

/** The schema (CEL) also refuses an abstract name that ends like a folder. */
const socketPath = (address: string): string | null =>
  address.endsWith('/') ? 'names a folder, not a socket' : unixPath(address.slice(UNIX_PREFIX.length))

/** Ports by the names that the ServiceEntry gives them; null if the ServiceEntry is unknown. */
export function checkEndpointPorts(entry: Field, portNames: ReadonlySet<string> | null): void {
  for (const [name, port] of entry.get('ports').entries) {
    if (portNames && !portNames.has(name)) {
      port.report('CFG210', `port ${quote(name)} is not a port of the ServiceEntry`)
    }
    if (!isPortName(name)) port.report('CFG217', `${quote(name)} is not the name of a port`)
    checkPort(port)
  }
}

const isPortName = (name: string): boolean => name.length < PORT_NAME_END && dnsLabel(name) === null
