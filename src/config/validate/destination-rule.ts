/**
 * DestinationRule: its host, subsets and traffic policies.
 *
 * The rules are istiod's (ValidateDestinationRule); how the parts of a policy are checked is in
 * load-balancer.ts, locality.ts and client-tls.ts.
 */

import { quote } from '../findings/quote.ts'
import { checkClientTls } from './client-tls.ts'
import type { Field } from './field.ts'
import { checkLabels, checkPort, checkSelector } from './field-checks.ts'
import { checkLoadBalancer } from './load-balancer.ts'
import { dnsLabel, domain, isIpAddress, wildcardDomain } from './names.ts'
import { checkShape } from './shape.ts'
import { checkDuration, checkExportTo, checkRange, checkWord } from './values.ts'

const PORT_POLICY = ['outlierDetection', 'connectionPool', 'loadBalancer', 'tls']
const POLICY = [...PORT_POLICY, 'portLevelSettings', 'tunnel', 'proxyProtocol', 'retryBudget']
const HTTP_LIMITS = [
  'http1MaxPendingRequests',
  'http2MaxRequests',
  'maxRequestsPerConnection',
  'maxRetries',
  'maxConcurrentStreams',
]

export function checkDestinationRule(spec: Field, namespace: string): void {
  spec.get('host').check('CFG201', wildcardDomain)
  checkPolicy(spec.get('trafficPolicy'), namespace)
  const names = new Set<string>()
  for (const subset of spec.get('subsets').items) {
    const name = subset.get('name')
    if (name.text !== undefined && names.has(name.text)) {
      name.report('CFG209', `subset ${quote(name.text)} is defined twice`)
    }
    if (name.text !== undefined) names.add(name.text)
    name.check('CFG217', dnsLabel)
    checkLabels(subset.get('labels'))
    checkPolicy(subset.get('trafficPolicy').withoutWarnings(), namespace)
  }
  const selector = spec.get('workloadSelector')
  checkSelector(selector, 'matchLabels')
  checkExportTo(spec.get('exportTo'), namespace, { ownOnly: !selector.absent })
}

function checkPolicy(policy: Field, namespace: string): void {
  if (policy.absent) return
  if (POLICY.every(name => policy.get(name).empty)) {
    policy.report('CFG211', `a traffic policy must have one of ${POLICY.join(', ')}`)
  }
  if (!policy.get('tunnel').absent && !policy.get('proxyProtocol').absent) {
    policy.report('CFG210', 'a traffic policy cannot have both tunnel and proxyProtocol')
  }
  checkCommonParts(policy, namespace)
  checkTunnel(policy.get('tunnel'))
  checkShape(policy.get('retryBudget'), { budgetInterval: 'text' }) // younger than the schema
  for (const each of policy.get('portLevelSettings').items) checkPortPolicy(each.withoutWarnings(), namespace)
}

/** Istio does not check the port's number here. */
function checkPortPolicy(policy: Field, namespace: string): void {
  if (policy.get('port').absent) policy.get('port').report('CFG103', 'a policy for a port must name the port')
  if (PORT_POLICY.every(name => policy.get(name).absent)) {
    policy.report('CFG211', `a policy for a port must have one of ${PORT_POLICY.join(', ')}`)
  }
  checkCommonParts(policy, namespace)
}

function checkCommonParts(policy: Field, namespace: string): void {
  const outlierDetection = policy.get('outlierDetection')
  checkOutlierDetection(outlierDetection)
  checkConnectionPool(policy.get('connectionPool'))
  checkLoadBalancer(policy.get('loadBalancer'), outlierDetection)
  checkClientTls(policy.get('tls'), namespace)
}

function checkOutlierDetection(outlier: Field): void {
  checkDuration(outlier.get('baseEjectionTime'))
  checkDuration(outlier.get('interval'))
  const errors = outlier.get('consecutiveErrors')
  if (errors.number) {
    errors.report(
      'CFG251',
      'consecutiveErrors is deprecated',
      'use consecutive5xxErrors or consecutiveGatewayErrors',
    )
  }
  const local = outlier.get('consecutiveLocalOriginFailures')
  if ((local.number ?? 0) > 0 && outlier.get('splitExternalLocalOriginErrors').value !== true) {
    local.report('CFG211', `${local.name} counts only with splitExternalLocalOriginErrors: true`)
  }
  checkRange(outlier.get('maxEjectionPercent'), 0, 100)
  checkRange(outlier.get('minHealthPercent'), 0, 100)
  const codes = outlier.get('outlierDetectionHttpErrorCodes')
  checkShape(codes, ['number']) // younger than the schema
  for (const code of codes.items) checkRange(code, 100, 599)
}

function checkConnectionPool(pool: Field): void {
  if (pool.absent) return
  const tcp = pool.get('tcp')
  const http = pool.get('http')
  if (tcp.absent && http.absent) pool.report('CFG211', 'a connection pool must have tcp or http')
  checkRange(tcp.get('maxConnections'), 0, Number.POSITIVE_INFINITY)
  checkDuration(tcp.get('connectTimeout'))
  checkDuration(tcp.get('maxConnectionDuration'))
  checkDuration(tcp.get('idleTimeout'), true)
  checkDuration(tcp.get('tcpKeepalive').get('time'))
  checkDuration(tcp.get('tcpKeepalive').get('interval'))
  checkHttpPool(http)
}

function checkHttpPool(http: Field): void {
  for (const name of HTTP_LIMITS) checkRange(http.get(name), 0, Number.POSITIVE_INFINITY)
  checkDuration(http.get('idleTimeout'))
  if (http.get('h2UpgradePolicy').text === 'UPGRADE' && http.get('useClientProtocol').value === true) {
    http
      .get('useClientProtocol')
      .report('CFG210', 'useClientProtocol cannot be combined with h2UpgradePolicy: UPGRADE')
  }
  const keepAlive = http.get('http2KeepAlive')
  checkShape(keepAlive, { interval: 'text', timeout: 'text' })
  if (keepAlive.absent) return
  for (const name of ['interval', 'timeout']) {
    const duration = keepAlive.get(name)
    if (duration.absent) duration.report('CFG103', `${name} is missing in http2KeepAlive`)
    checkDuration(duration)
  }
}

function checkTunnel(tunnel: Field): void {
  if (tunnel.absent) return
  const protocol = tunnel.get('protocol')
  if (protocol.filled) checkWord(protocol, ['CONNECT', 'POST'], 'protocol of a tunnel')
  tunnel.get('targetHost').check('CFG201', text => (isIpAddress(text) ? null : domain(text)))
  checkPort(tunnel.get('targetPort'))
}
