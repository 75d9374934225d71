/** AuthorizationPolicies in front of Gateways, from files to a decision. */

import assert from 'node:assert/strict'
import { parseInto } from '../../src/address/address.ts'
import { loadConfig } from '../../src/config/load.ts'
import { authorize, createVerdict, NO_ROW } from '../../src/table/match/authorize.ts'
import { queryOf, tableOf } from './tables.ts'

export type Spec = Readonly<Record<string, unknown>>
export type Written = Spec & { readonly in?: string; readonly dryRun?: true; readonly name?: string }

const resource = (kind: string, apiVersion: string, metadata: object, spec: object) => ({
  apiVersion,
  kind,
  metadata,
  spec,
})
const policy = ({ in: namespace = 'edge', dryRun, name, ...spec }: Written, index: number) =>
  resource(
    'AuthorizationPolicy',
    'security.istio.io/v1',
    {
      name: name ?? `p${index}`,
      namespace,
      annotations: dryRun ? { 'istio.io/dry-run': 'true' } : {},
    },
    spec,
  )
const gateway = (port: number) =>
  resource(
    'Gateway',
    'networking.istio.io/v1',
    { name: `gw-${port}`, namespace: 'edge' },
    {
      selector: { app: 'edge' },
      servers: [{ port: { number: port, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
    },
  )
const settings = (spec: object) =>
  resource('Settings', 'gateway.weir/v1', { name: 'weir' }, { mesh: { capture: 'none' }, ...spec })

export function load(policies: readonly Written[], spec: object = {}, others: readonly object[] = []) {
  const all = [
    settings(spec),
    gateway(7000),
    gateway(7001),
    gateway(8000),
    ...others,
    ...policies.map(policy),
  ]
  const files = all.map((each, index) => ({
    file: `${index}.json`,
    bytes: new TextEncoder().encode(JSON.stringify(each)),
  }))
  return loadConfig(files, { names: new Map() })
}

export type Client = {
  readonly peer?: string
  readonly client?: string
  readonly port?: number
  readonly sni?: string
}

/** "allow" or "deny", and the other findings. */
export function decide(
  policies: readonly Written[],
  connection: Client = {},
  spec: object = {},
  others: readonly object[] = [],
) {
  const { plan, diagnostics } = load(policies, spec, others)
  assert.ok(plan, JSON.stringify(diagnostics))
  const table = tableOf(plan)
  if (table.access === null) return 'allow'
  const { peer = '192.0.2.1', client, port = 7000, sni = '' } = connection
  const listener = table.sockets.findIndex(each => each.port === port)
  const query = queryOf(listener, client ?? peer, '203.0.113.1', port, { isTls: sni !== '', serverName: sni })
  if (client !== undefined) query.peerFamily = parseInto(peer, query.peer, 0)
  const verdict = createVerdict()
  const may = authorize(table, table.access, listener, query, null, verdict)
  const marks = [
    ...(verdict.tried === NO_ROW ? [] : ['would deny']),
    ...(verdict.audited === NO_ROW ? [] : ['audited']),
  ]
  return [may ? 'allow' : 'deny', ...marks].join(', ')
}

export const codesOf = (policies: readonly Written[], spec: object = {}): string[] =>
  load(policies, spec)
    .diagnostics.map(each => each.code)
    .filter(code => code !== 'CFG462')

export const source = (fields: Spec) => ({ from: [{ source: fields }] })
export const operation = (fields: Spec) => ({ to: [{ operation: fields }] })
export const TEN = source({ ipBlocks: ['10.0.0.0/8'] })
export const IN_TEN = { peer: '10.1.1.1' }
export const ELSEWHERE = { peer: '192.0.2.1' }

/** The only one whose listener reads server names. */
export const TLS_GATEWAY = resource(
  'Gateway',
  'networking.istio.io/v1',
  { name: 'gw-8443', namespace: 'edge' },
  {
    selector: { app: 'edge' },
    servers: [
      {
        port: { number: 8443, name: 'tls', protocol: 'TLS' },
        hosts: ['*.example.com', 'x.test'],
        tls: { mode: 'PASSTHROUGH' },
      },
    ],
  },
)

export const NOT_EXAMPLE = { when: [{ key: 'connection.sni', notValues: ['*.example.com'] }] }
