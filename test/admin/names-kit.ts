/** A Gateway whose servers take TLS clients by the names that they ask for. */

const server = (port: number, name: string): string =>
  `    - {port: {number: ${port}, name: tls-${name.replace(/\W/g, '')}, protocol: TLS}, tls: {mode: PASSTHROUGH}, bind: 127.0.0.1, hosts: ['${name}']}\n`
/** A `tls` route for these names. */
export const route = (to: string, ...names: string[]): string =>
  `    - {match: [{sniHosts: [${names.map(each => `'${each}'`).join(', ')}]}], route: [{destination: {host: ${to}.example}}]}\n`
const entry = (name: string, port: number): string => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec: {hosts: [${name}.example], ports: [{number: 9000, name: tcp, protocol: TCP, targetPort: ${port}}], resolution: STATIC, location: MESH_INTERNAL, endpoints: [{address: 127.0.0.1}]}
`

export type Choice = { servers?: readonly string[]; routes?: readonly string[]; entries?: readonly string[] }

/** One for a.test, the other for *.b.test and c.test. */
const ROUTES = [route('one', 'a.test'), route('two', '*.b.test', 'c.test')]

/** Two Gateways, `edge` for a.test and `second` for c.test, that share the socket at `port`. */
export const sharing = (port: number, backend: number): string =>
  naming(port, backend, { servers: ['a.test'] })
    .replace(
      '---\n',
      `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: second}
spec:
  servers:
${server(port, 'c.test')}---
`,
    )
    .replace('gateways: [edge]', 'gateways: [edge, second]')

/** The configuration for a listener on `port` and a server at `backend`. */
export const naming = (port: number, backend: number, choice: Choice = {}): string => {
  const { servers = ['*.test'], routes = ROUTES, entries = ['one', 'two'] } = choice
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
${servers.map(each => server(port, each)).join('')}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all}
spec:
  hosts: ['*.test']
  gateways: [edge]
  tls:
${routes.join('')}---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {workers: 1, mesh: {capture: none}, admin: null}
${entries.map(each => entry(each, backend)).join('')}`
}
