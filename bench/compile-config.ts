/** A configuration with as many rules as one likes, as an operator would write it: YAML in one file. */

const ROUTES_OF_SERVICE = 100

/** Gateway, Settings, one backend, and VirtualServices of 100 rules each, with `rules` in all. */
export function configText(port: number, rules: number): string {
  const services = Array.from({ length: Math.ceil(rules / ROUTES_OF_SERVICE) }, (_, index) =>
    virtualService(index, Math.min(ROUTES_OF_SERVICE, rules - index * ROUTES_OF_SERVICE)),
  )
  return [head(port), ...services].join('---\n')
}

const head = (port: number): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
    - {port: {number: ${port}, name: tcp, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: backend}
spec:
  hosts: [backend.example]
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {workers: 1, mesh: {capture: none}, admin: null}
`

const virtualService = (index: number, routes: number): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rules-${index}}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp:
${Array.from({ length: routes }, (_, route) => routeText(index * ROUTES_OF_SERVICE + route)).join('')}`

const routeText = (rule: number): string =>
  `    - {match: [{destinationSubnets: [10.${(rule >> 16) & 255}.${(rule >> 8) & 255}.${rule & 255}]}], ` +
  'route: [{destination: {host: backend.example}}]}\n'
