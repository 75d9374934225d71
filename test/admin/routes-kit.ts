/** A weighted split that tests look at from several sides. */

import { routing } from '../control/scene.ts'

/** Rules: clients of 127.0.0.2 alone; nobody; and a split by these weights, exactly delivered. */
export const splitting =
  (first: number, second: number) =>
  (port: number, backend: number): string =>
    routing(port, backend)
      .replace(
        /tcp:\n.*?host: backend.example}\n/s,
        `tcp:
    - match: [{sourceSubnet: 127.0.0.2/32}]
      route: [{destination: {host: backend.example}}]
    - match: [{gateways: [mesh]}]
      route: [{destination: {host: backend.example}}]
    - route:
        - {destination: {host: backend.example, port: {number: 9000}}, weight: ${first}}
        - {destination: {host: second.example, port: {number: 9000}}, weight: ${second}}
`,
      )
      .replace('metadata: {name: all}', 'metadata: {name: all, annotations: {gateway.weir/split: exact}}') +
    `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: second}
spec:
  hosts: [second.example]
  ports: [{number: 9000, name: tcp, protocol: TCP, targetPort: ${backend}}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{address: 127.0.0.1}]
`

export const times = (count: number, body: () => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, body))
