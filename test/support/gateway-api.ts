/** Resources of Gateway API from objects, and what a Plan makes of a connection. */

import { GATEWAY_API } from '../../src/config/kinds.ts'
import { DEFAULT_SETTINGS } from '../../src/config/settings/settings.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { naiveMatch } from './naive-match.ts'
import { core, type Planned, planOf, type Written } from './resources.ts'

type Metadata = Partial<Written['metadata']> & { readonly generation?: number }

/** `api('TCPRoute', 'shop/orders', {…})`; of version v1, unless the kind is 'TCPRoute/v1alpha2'. */
export function api(kind: string, id: string, spec: object, metadata: Metadata = {}): Written {
  const [name, version = 'v1'] = kind.split('/')
  return { ...core(name, id, { spec }, metadata), apiVersion: `${GATEWAY_API}/${version}` }
}

/** Without the mesh, which would listen at the Services' addresses. */
export const planned = (written: readonly Written[]): Planned =>
  planOf(written, { mesh: { ...DEFAULT_SETTINGS.mesh, capture: 'none' } })

/** weir's own class. */
export const WEIR: Written = {
  ...api('GatewayClass', 'weir', { controllerName: 'gateway.weir/controller' }),
  metadata: { name: 'weir', namespace: '' },
}

export const gateway = (
  id: string,
  listeners: object[],
  more: object = {},
  metadata: Metadata = {},
): Written => api('Gateway', id, { gatewayClassName: 'weir', listeners, ...more }, metadata)

export const tcp = (port: number, more: object = {}): object => ({
  name: `tcp-${port}`,
  port,
  protocol: 'TCP',
  ...more,
})

export const tls = (port: number, hostname: string, more: object = {}): object => ({
  name: hostname === '' ? 'any' : hostname.replace('*', 'all'),
  port,
  protocol: 'TLS',
  ...(hostname !== '' && { hostname }),
  tls: { mode: 'Passthrough' },
  ...more,
})

export const terminated = (port: number, hostname: string, ...certificateRefs: object[]): object =>
  tls(port, hostname, { tls: { mode: 'Terminate', certificateRefs } })

/** "db 70", "other/db 30", "db": a Service's port 80 with a weight. */
const backend = (text: string): object => {
  const [id, weight] = text.split(' ')
  const [left, right] = id.split('/')
  return {
    ...(right === undefined ? { name: left } : { namespace: left, name: right }),
    port: 80,
    ...(weight !== undefined && { weight: Number(weight) }),
  }
}

export const tcpRoute = (
  id: string,
  parent: object | object[],
  backends: string[],
  metadata: Metadata = {},
): Written =>
  api(
    'TCPRoute',
    id,
    { parentRefs: [parent].flat(), rules: [{ backendRefs: backends.map(backend) }] },
    metadata,
  )

export const tlsRoute = (
  id: string,
  parent: object | object[],
  hostnames: string[],
  backends: string[],
  metadata: Metadata = {},
): Written =>
  api(
    'TLSRoute',
    id,
    { parentRefs: [parent].flat(), hostnames, rules: [{ backendRefs: backends.map(backend) }] },
    metadata,
  )

/** A Service with port 80, and an endpoint. */
export function service(
  id: string,
  ports: object[] = [{ name: 'main', port: 80, targetPort: 8080 }],
): Written[] {
  const [name, namespace = 'default'] = id.split('/').reverse()
  return [
    core('Service', `${namespace}/${name}`, { spec: { clusterIP: '10.0.0.1', ports } }),
    {
      ...core(
        'EndpointSlice',
        `${namespace}/${name}`,
        {
          addressType: 'IPv4',
          endpoints: [{ addresses: ['10.1.0.1'] }],
          ports: [{ name: 'main', port: 8080 }],
        },
        { labels: { 'kubernetes.io/service-name': name } },
      ),
      apiVersion: 'discovery.k8s.io/v1',
    },
  ]
}

/** Lets routes of a kind and namespace use Services of another. */
export const grant = (
  id: string,
  kind: string,
  namespace: string,
  to: object = { group: '', kind: 'Service' },
): Written => api('ReferenceGrant', id, { from: [{ group: GATEWAY_API, kind, namespace }], to: [to] })

export const namespace = (name: string, labels: Record<string, string> = {}): Written => ({
  ...core('Namespace', name, {}, { labels }),
  metadata: { name, namespace: '', labels },
})

const PEM = (what: string): string => `-----BEGIN ${what}-----\nAA==\n-----END ${what}-----\n`

/** A Secret that looks like a certificate with its key. */
export const certificate = (id: string): Written =>
  core('Secret', id, { stringData: { 'tls.crt': PEM('CERTIFICATE'), 'tls.key': PEM('PRIVATE KEY') } })

export const authority = (id: string, text = PEM('CERTIFICATE')): Written =>
  core('ConfigMap', id, { data: { 'ca.crt': text } })

/**
 * Where a connection goes: "default/db 70, default/other 30", with "reset" for what is refused;
 * "nowhere" without a rule, and "closed" where nothing listens.
 */
export function goes(plan: Plan, gateway: string, port: number, serverName?: string): string {
  const { listener, rule, route } = naiveMatch(plan, {
    gateway,
    client: '192.0.2.1',
    destination: '127.0.0.1',
    port,
    isTls: serverName !== undefined,
    serverName: serverName ?? '',
  })
  if (listener < 0) return 'closed'
  if (rule === null) return 'nowhere'
  return plan.routes[route].destinations
    .map(({ cluster, weight }) => {
      const { host, kind } = plan.clusters[cluster]
      const [name, namespace] = host.split('.')
      return `${namespace}/${name}${kind === 'unknown' ? ' reset' : ''} ${weight}`
    })
    .join(', ')
}
