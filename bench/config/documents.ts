/** Parts of the benches' configurations: YAML documents as an operator would write them. */

import type { Split } from '../../src/table/plan/plan.ts'

export type SettingsText = {
  readonly engine?: 'auto' | 'uring' | 'epoll' | 'node'
  readonly workers?: number
  /** Port of the admin listener on 127.0.0.1; 0: none. */
  readonly adminPort?: number
}

export const documents = (...texts: readonly string[]): string => texts.join('---\n')

export const settingsText = ({ engine = 'auto', workers = 1, adminPort = 0 }: SettingsText): string => {
  const admin = adminPort === 0 ? 'null' : `{address: 127.0.0.1, port: ${adminPort}}`
  return `apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {engine: ${engine}, workers: ${workers}, mesh: {capture: none}, admin: ${admin}}
`
}

/** A Gateway with one listener. */
export const gatewayText = (name: string, port: number): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}}
spec:
  servers:
    - {port: {number: ${port}, name: tcp, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}
`

/** A server on 127.0.0.1 by the name `<name>.example`. */
export const serverText = (name: string, port: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.example]
  ports: [{number: ${port}, name: tcp, protocol: TCP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
`

export type RouteText = {
  readonly name: string
  readonly gateway: string
  readonly split?: Split
  /** The items of `tcp`, each on a line of its own. */
  readonly routes: readonly string[]
}

export const routesText = ({
  name,
  gateway,
  split = 'random',
  routes,
}: RouteText): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, annotations: {gateway.weir/split: ${split}}}
spec:
  hosts: ['*']
  gateways: [${gateway}]
  tcp:
${routes.map(route => `    - ${route}\n`).join('')}`

/** Where a route leads, by the names of servers. */
export const destinationsText = (names: readonly string[], weights: readonly number[]): string => {
  const arms = names.map((name, index) => {
    const weight = names.length === 1 ? '' : `, weight: ${weights[index]}`
    return `{destination: {host: ${name}.example}${weight}}`
  })
  return `route: [${arms.join(', ')}]`
}
