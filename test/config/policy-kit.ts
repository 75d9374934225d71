/**
 * One gateway route to one service in namespace "data", seen from a Gateway in "edge", and the
 * DestinationRules for it.
 */

import assert from 'node:assert/strict'
import type { Cluster } from '../../src/table/plan/plan.ts'
import { istio, planOf, type Written } from '../support/resources.ts'

export const HOST = 'db.data.svc.cluster.local'

export const base = (destination: object): Written[] => [
  istio('Gateway', 'edge/gw', {
    servers: [{ port: { number: 9000, name: 'p', protocol: 'TCP' }, hosts: ['*'] }],
  }),
  istio('VirtualService', 'edge/vs', {
    hosts: ['*'],
    gateways: ['gw'],
    tcp: [{ route: [{ destination: { host: HOST, ...destination } }] }],
  }),
  istio('ServiceEntry', 'data/db', {
    hosts: [HOST],
    ports: [{ number: 5432, name: 'main', protocol: 'TCP' }],
    resolution: 'STATIC',
    endpoints: [
      { address: '10.1.0.1', labels: { version: 'v1', zone: 'a' } },
      { address: '10.1.0.2', labels: { version: 'v2' } },
    ],
  }),
]

export function routed(rules: Written[], destination: object = {}, settings = {}): Cluster {
  const { plan } = planOf([...base(destination), ...rules], settings)
  const listener = plan.listeners.find(each => each.gateway === 'edge/gw')
  assert.ok(listener)
  return plan.clusters[plan.routes[listener.scopes[0].rules[0].route].destinations[0].cluster]
}

export const rule = (id: string, spec: object, createdMinute = 0) =>
  istio(
    'DestinationRule',
    id,
    { host: HOST, ...spec },
    { creationTimestamp: `2024-01-01T00:${String(createdMinute).padStart(2, '0')}:00Z` },
  )

/** One that limits the connections. */
export const most = (maxConnections: number) => ({ connectionPool: { tcp: { maxConnections } } })

export const annotated = (id: string, annotations: Record<string, string>, spec: object = {}) =>
  istio('DestinationRule', id, { host: HOST, ...spec }, { annotations })
