/**
 * Gateway: its servers, each with a port, hosts, a bind address and TLS settings.
 *
 * The rules are istiod's (ValidateGateway); the TLS settings are in server-tls.ts.
 */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { checkPort } from './field-checks.ts'
import {
  type Complaint,
  dnsLabel,
  ipAddress,
  isIpAddress,
  isPartialWildcard,
  UNIX_PREFIX,
  unixPath,
  wildcardDomain,
} from './names.ts'
import { checkServerTls, isPassthrough } from './server-tls.ts'
import { checkProtocol, protocolFamily } from './values.ts'

/**
 * Marks a Gateway that istiod derived from one of the Gateway API: any name, and hosts without
 * routes ("~").
 */
const SEMANTICS = 'internal.istio.io/gateway-semantics'

export function checkGateway(root: Field): void {
  const metadata = root.get('metadata')
  const isConverted = metadata.get('annotations').get(SEMANTICS).text === 'gateway'
  const namespaces = isConverted ? ['*', '.', '~'] : ['*', '.']
  if (!isConverted) {
    metadata.get('name').check('CFG217', dnsLabel, 'the name of a Gateway must not contain dots')
  }
  const servers = root.get('spec').get('servers')
  if (servers.empty) servers.report('CFG211', 'a Gateway must have at least one server')
  const names = new Set<string>()
  for (const server of servers.items) {
    checkServer(server, namespaces)
    const portName = server.get('port').get('name')
    if (portName.text === undefined) continue
    if (names.has(portName.text)) portName.report('CFG209', `port name ${quote(portName.text)} is used twice`)
    names.add(portName.text)
  }
}

function checkServer(server: Field, namespaces: readonly string[]): void {
  const hosts = server.get('hosts')
  if (hosts.empty) hosts.report('CFG211', 'a server must have at least one host')
  for (const host of hosts.items) host.check('CFG201', text => serverHost(text, namespaces))
  checkServerPort(server)
  checkBind(server)
  checkServerTls(server.get('tls'))
  checkTlsFitsProtocol(server)
}

/**
 * "host" or "namespace/host", where `namespaces` lists the words that are no namespace; no short
 * names.
 */
function serverHost(text: string, namespaces: readonly string[]): Complaint {
  const slash = text.indexOf('/')
  if (slash < 0) return serverHostName(text)
  const namespace = text.slice(0, slash)
  const bad = namespaces.includes(namespace) ? null : dnsLabel(namespace)
  return bad === null
    ? serverHostName(text.slice(slash + 1))
    : `has the namespace ${quote(namespace)}, which ${bad}`
}

function serverHostName(text: string): Complaint {
  if (text !== '*' && !text.includes('.')) return 'is not allowed as a host of a server: it is a short name'
  if (isPartialWildcard(text)) return 'is not allowed as a host of a server: a wildcard must be a whole label'
  return isIpAddress(text) ? null : wildcardDomain(text)
}

function checkServerPort(server: Field): void {
  const port = server.get('port')
  const number = port.get('number')
  const isUnix = isUnixAddress(server.get('bind').text)
  if (number.number !== undefined && (number.number > 0 || !isUnix)) checkPort(number)
  const protocol = port.get('protocol')
  checkProtocol(protocol)
  if ((port.get('targetPort').number ?? 0) > 0) {
    port.get('targetPort').report('CFG210', 'targetPort has no effect in a Gateway')
  }
  if (port.get('name').text === '') port.get('name').report('CFG211', 'the port of a server must have a name')
}

function checkBind(server: Field): void {
  const bind = server.get('bind')
  if (!bind.filled) return
  bind.check('CFG203', text =>
    isUnixAddress(text) ? unixPath(text.slice(UNIX_PREFIX.length)) : ipAddress(text),
  )
  const number = server.get('port').get('number')
  if (isUnixAddress(bind.text) && number.number) {
    number.report('CFG202', `port ${number.number} must be 0 for a unix socket`)
  }
}

const isUnixAddress = (text: string | undefined): boolean => text?.startsWith(UNIX_PREFIX) ?? false

function checkTlsFitsProtocol(server: Field): void {
  const protocol = server.get('port').get('protocol').text
  const family = protocol === undefined ? null : protocolFamily(protocol)
  const tls = server.get('tls')
  if (family === null) return
  if (tls.get('httpsRedirect').value === true && family !== 'http') {
    tls.get('httpsRedirect').report('CFG252', 'httpsRedirect is for http servers only')
  }
  if (family === 'tls') {
    if (tls.absent) tls.report('CFG211', `a server for ${protocol} must have tls settings`)
  } else if (!tls.absent && !(family === 'http' && isRedirectOnly(tls))) {
    tls.report('CFG210', `a server for ${protocol} cannot have tls settings`)
  }
}

/** An http server has tls settings only to redirect to https. */
const isRedirectOnly = (tls: Field): boolean =>
  isPassthrough(tls) &&
  !['caCertificates', 'privateKey', 'serverCertificate'].some(name => tls.get(name).filled)
