/** Rules, and RouteTests of them. */

import type { TestContext } from 'node:test'
import { folder } from '../control/scene.ts'

export const ROUTES = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  servers: [{ hosts: ['*'], port: { number: 7100, name: tcp, protocol: TCP } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: orders, namespace: shop }
spec:
  hosts: [orders.shop.svc.cluster.local]
  gateways: [edge, mesh]
  tcp:
    - match: [{ sourceSubnet: 10.1.0.0/16 }, { sourceSubnet: '2001:db8::/32' }]
      route: [{ destination: { host: orders, subset: gray } }]
    - match: [{ sourceSubnet: 10.1.2.0/24 }] # taken by the first
      route: [{ destination: { host: orders, subset: prod } }]
    - match: [{ sourceSubnet: 10.2.0.0/16 }]
      route: [{ destination: { host: orders, subset: grey } }] # nobody defines it
    - match: [{ sourceSubnet: 10.3.0.0/16 }]
      route: [{ destination: { host: empty.shop.svc.cluster.local, port: { number: 7001 } } }]
    - match: [{ sourceSubnet: 10.4.0.0/16 }]
      route:
        - { destination: { host: orders, subset: prod }, weight: 1 }
        - { destination: { host: orders, subset: gray }, weight: 1 }
        - { destination: { host: empty, port: { number: 7001 } }, weight: 1 }
    - match: [{ sourceSubnet: 10.5.0.0/16, gateways: [edge] }]
      route:
        - { destination: { host: orders, subset: prod }, weight: 80 }
        - { destination: { host: orders, subset: grey }, weight: 20 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: orders, namespace: shop }
spec:
  host: orders.shop.svc.cluster.local
  subsets: [{ name: prod, labels: { version: v1 } }, { name: gray, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: orders, namespace: shop }
spec:
  hosts: [orders.shop.svc.cluster.local]
  addresses: [10.9.0.1, 'fd00::9']
  resolution: STATIC
  ports: [{ number: 7000, name: tcp, protocol: TCP }]
  endpoints: [{ address: 10.0.0.1, labels: { version: v1 } }, { address: 'fd00::2', labels: { version: v2 } }]
---
apiVersion: v1
kind: Service
metadata: { name: empty, namespace: shop }
spec: { clusterIP: 10.9.0.2, ports: [{ port: 7000, name: a }, { port: 7001, name: b }] }
---
apiVersion: gateway.weir/v1
kind: Settings
spec: { mesh: { bind: '' } }
`

export type Line = readonly [name: string, connection: string, expect: string]

export const routeTest = (lines: readonly Line[], name = 'orders'): string =>
  `apiVersion: gateway.weir/v1\nkind: RouteTest\nmetadata: { name: ${name}, namespace: shop }\nspec:\n  tests:\n${lines
    .map(
      ([name, connection, expect]) =>
        `    - { name: ${JSON.stringify(name)}, connection: ${connection}, expect: ${expect} }\n`,
    )
    .join('')}`

export function files(t: TestContext, lines: readonly Line[], routes = ROUTES): string {
  return folder(t, { 'routes.yaml': routes, 'tests.yaml': routeTest(lines) })
}

export const from = (address: string, more = ''): string =>
  `{ gateway: edge, from: ${JSON.stringify(address)}${more} }`
