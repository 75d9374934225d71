/**
 * ServiceEntry: its selector, hosts, addresses and ports.
 *
 * The rules are istiod's (ValidateServiceEntry) and the schema's CEL rules, which agree. Checks
 * that depend on the resolution are in resolution.ts.
 */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { checkPort, checkSelector } from './field-checks.ts'
import { dnsLabel, isPartialWildcard, subnet, wildcardDomain } from './names.ts'
import { checkResolution, type Owner } from './resolution.ts'
import { checkExportTo, checkProtocol } from './values.ts'

/** The label with which an operator refuses automatic addresses. */
export const AUTO_ALLOCATE = 'networking.istio.io/enable-autoallocate-ip'

export function checkServiceEntry(spec: Field, owner: Owner): void {
  const selector = spec.get('workloadSelector')
  checkSelector(selector, 'labels')
  if (!selector.absent && !spec.get('endpoints').absent) {
    selector.report('CFG210', 'a ServiceEntry cannot have both workloadSelector and endpoints')
  }
  checkHosts(spec)
  for (const address of spec.get('addresses').items) address.check('CFG203', subnet)
  checkResolution(spec, checkPorts(spec, owner), owner)
  checkExportTo(spec.get('exportTo'), owner.namespace, { noneAllowed: true })
}

function checkHosts(spec: Field): void {
  const hosts = spec.get('hosts')
  const wildcardsMatter = spec.get('resolution').text !== 'DYNAMIC_DNS'
  if (hosts.empty) hosts.report('CFG211', 'a ServiceEntry must have at least one host')
  for (const host of hosts.items) {
    host.check('CFG201', text =>
      text === '*' ? 'means every host, and a service needs a name' : wildcardDomain(text),
    )
    if (wildcardsMatter && isPartialWildcard(host.text ?? '')) {
      host.report('CFG253', `${quote(host.text ?? '')} has a wildcard that is not a whole label`)
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
      port.report('CFG253', `without addresses, this TCP port takes connections to every address`)
    }
  }
  return names
}

function unique<T>(field: Field, value: T | undefined, seen: Set<T>): void {
  if (value === undefined) return
  if (seen.has(value)) field.report('CFG209', `port ${field.name} ${value} is defined twice`)
  seen.add(value)
}

/** Neither an address of its own nor one that Istio assigns. */
function isWithoutAddress(spec: Field, owner: Owner): boolean {
  const automatic = !spec.get('resolution').absent && spec.get('resolution').text !== 'NONE'
  const refused = owner.labels[AUTO_ALLOCATE]?.toLowerCase() === 'false'
  return spec.get('addresses').empty && (!automatic || refused)
}
