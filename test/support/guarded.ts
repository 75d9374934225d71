/**
 * A configuration in files of one resource each, so that one of them can be deleted, misspelt or
 * written in parts.
 */

export type Parts = Readonly<Record<string, string>>

/**
 * A Gateway on `port`; clients from 127.0.10.0/24 go to subset v1, those from 127.0.20.0/24 to v2,
 * the others to both.
 *
 * @param guard  `reload.guard` of the Settings.
 */
export const guarded = (port: number, backend: number, guard = 'refuse'): Parts => ({
  'gateway.yaml': `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
    - port: {number: ${port}, name: tcp, protocol: TCP}
      bind: 127.0.0.1
      hosts: ['*']
`,
  'routes.yaml': `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp:
    - match: [{sourceSubnet: 127.0.10.0/24}]
      route:
        - destination: {host: shop.example, subset: v1}
    - match: [{sourceSubnet: 127.0.20.0/24}]
      route:
        - destination: {host: shop.example, subset: v2}
    - route:
        - destination: {host: shop.example, subset: v1}
          weight: 50
        - destination: {host: shop.example, subset: v2}
          weight: 50
`,
  'subsets.yaml': `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop.example
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
`,
  'service.yaml': `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.example]
  ports: [{number: 9000, name: tcp, protocol: TCP, targetPort: ${backend}}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
    - {address: 127.0.0.1, labels: {version: v1}}
    - {address: 127.0.0.1, labels: {version: v2}}
`,
  'settings.yaml': `
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {workers: 1, mesh: {capture: none}, admin: null, reload: {guard: ${guard}}}
`,
})
