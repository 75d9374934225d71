/** Resources that ask for TLS, in namespace "shop", and what they come to. */

import { type Loaded, loadConfig } from '../../src/config/load.ts'
import type { TlsServed } from '../../src/config/plan/tls-served.ts'

const SERVED: TlsServed = { servers: true, upstreams: true }

export type Json = Readonly<Record<string, unknown>>

export const resource = (kind: string, name: string, spec: Json, annotations: Json = {}): Json => ({
  apiVersion: kind === 'Settings' ? 'gateway.weir/v1' : kind === 'Service' ? 'v1' : 'networking.istio.io/v1',
  kind,
  metadata: { name, ...(kind !== 'Settings' && { namespace: 'shop' }), annotations },
  spec,
})
export const server = (tls: Json, protocol = 'TLS', hosts: readonly string[] = ['*']): Json => ({
  hosts,
  port: { number: 8443, name: `p-${hosts[0].replaceAll(/\W/g, '')}`, protocol },
  tls,
})
export const gateway = (servers: readonly Json[], annotations: Json = {}): Json =>
  resource('Gateway', 'edge', { servers }, annotations)
export const to = (host: string, more: Json = {}): Json => ({ ...more, route: [{ destination: { host } }] })
export const routes = (spec: Json): Json =>
  resource('VirtualService', 'v', { hosts: ['*'], gateways: ['edge'], ...spec })
export const entry = (host: string, more: Json = {}): Json =>
  resource('ServiceEntry', host.replaceAll(/\W/g, '-'), {
    hosts: [host],
    addresses: [`10.0.0.${host.length}`],
    resolution: 'STATIC',
    ports: [{ number: 8443, name: 'tcp', protocol: 'TCP' }],
    endpoints: [{ address: '10.1.0.1' }],
    ...more,
  })
export const CLOSED = resource('Settings', 'settings', { mesh: { capture: 'none' } })

export function load(resources: readonly Json[], served = SERVED): Loaded {
  const bytes = new TextEncoder().encode(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: resources }))
  return loadConfig([{ file: 'a.json', bytes }], { names: new Map(), served })
}

export const codes = ({ diagnostics }: Loaded): string[] =>
  diagnostics.map(({ code, resource, field }) => `${code} ${resource} ${field}`)
