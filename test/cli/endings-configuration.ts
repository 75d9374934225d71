/** The configuration with a listener and a rule for each way in which a connection ends. */

import { AUTHORITY, OTHER_AUTHORITY, SERVER } from '../support/tls.ts'
import type { Kind, Servers } from './endings-kind.ts'
import { clientOf, KINDS } from './endings-kit.ts'

/** Certificates as Secrets. */
const SECRETS = [
  {
    metadata: { name: 'pair' },
    stringData: { 'tls.crt': SERVER.cert, 'tls.key': SERVER.key, 'ca.crt': AUTHORITY.cert },
  },
  { metadata: { name: 'other' }, stringData: { 'ca.crt': OTHER_AUTHORITY.cert } },
].map(each => JSON.stringify({ apiVersion: 'v1', kind: 'Secret', ...each }))

const NETWORKING = 'apiVersion: networking.istio.io/v1\nkind:'

export function configuration(ports: readonly number[], servers: Servers): string {
  const resources = KINDS.flatMap((kind, index) => resourcesOf(kind, ports[index], servers))
  const denied = clientOf(KINDS.findIndex(({ reason }) => reason === 'denied-by-policy'))
  return [
    ...resources,
    ...SECRETS,
    `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny}
spec: {action: DENY, rules: [{from: [{source: {ipBlocks: [${denied}/32]}}]}]}`,
    `apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec:
  workers: 1
  mesh: {capture: redirect, bind: 127.0.0.1, port: ${ports[KINDS.findIndex(({ isMesh }) => isMesh)]}, outbound: REGISTRY_ONLY}
  admin: null
  writeTimeout: 300ms
  reading: {timeout: 5s}
  proxyProtocol:
    - {gateways: [default/proxy-invalid], from: [127.0.0.0/8]}
    - {gateways: [default/proxy-timeout], from: [127.0.0.0/8], timeout: 50ms}
    - {gateways: [default/proxy-untrusted], from: [10.0.0.0/8]}`,
  ].join('\n---\n')
}

function resourcesOf(kind: Kind, port: number, servers: Servers): string[] {
  if (kind.isMesh) return []
  const { reason, to = 'echo', server = 'protocol: TCP}', routes = 'tcp', match = '', policy } = kind
  const host = kind.host ?? `${reason}.example`
  const { annotations = '', policyAnnotations = '' } = kind
  const target = kind.endpoint === 'itself' ? port : servers[to]
  const address = kind.endpoint === 'itself' ? '127.0.0.1' : (kind.endpoint ?? '127.0.0.1')
  return [
    `${NETWORKING} Gateway
metadata: {name: ${reason}, annotations: {${annotations}}}
spec:
  servers:
    - {port: {number: ${port}, name: p, ${server}${server.endsWith('}') ? '' : '}'}, bind: 127.0.0.1, hosts: ['${routes === 'tls' ? 'a.test' : '*'}']}`,
    `${NETWORKING} VirtualService
metadata: {name: ${reason}}
spec:
  hosts: ['${routes === 'tls' ? 'a.test' : '*'}']
  gateways: [${reason}]
  ${routes}:
    - {${match}route: [{destination: {host: ${host}}}]}`,
    ...(kind.host
      ? []
      : [
          `${NETWORKING} ServiceEntry
metadata: {name: ${reason}}
spec:
  hosts: [${host}]
  ports: [{number: 9000, name: tcp, protocol: TCP, targetPort: ${target}}]
  resolution: STATIC
  endpoints: [${address === '' ? '' : `{address: ${address}}`}]`,
        ]),
    ...(policy || policyAnnotations
      ? [
          `${NETWORKING} DestinationRule
metadata: {name: ${reason}, annotations: {${policyAnnotations}}}
spec: {host: ${host}${policy ? `, trafficPolicy: {${policy}}` : ''}}`,
        ]
      : []),
  ]
}
