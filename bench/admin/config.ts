/**
 * The configuration of the bench `admin`: a rule for each client, with 200 services as
 * destinations.
 */

const SERVICES = 200
const RULES_OF_SERVICE = 100

export const clientAddress = (index: number): string =>
  `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`

export function adminText(port: number, backend: number, rules: number): string {
  const rule = (index: number): string =>
    `    - {match: [{sourceSubnet: ${clientAddress(index)}}], route: [{destination: {host: s${index % SERVICES}.example}}]}\n`
  const virtualServices = Array.from({ length: Math.ceil(rules / RULES_OF_SERVICE) }, (_, nth) => {
    const first = nth * RULES_OF_SERVICE
    const own = Array.from({ length: Math.min(RULES_OF_SERVICE, rules - first) }, (_, k) => rule(first + k))
    return `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: vs-${nth}}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp:
${own.join('')}`
  })
  const services = Array.from(
    { length: SERVICES },
    (_, nth) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: s${nth}}
spec:
  hosts: [s${nth}.example]
  ports: [{number: 9000, name: tcp, protocol: TCP, targetPort: ${backend}}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{address: 127.0.0.1}]
`,
  )
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers: [{port: {number: ${port}, name: tcp, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}]
${virtualServices.join('')}${services.join('')}---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {workers: 1, mesh: {capture: none}, admin: null}
`
}
