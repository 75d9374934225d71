/** What Gateway API's resources come to, and what their status says, in few words. */

import { Findings } from '../../src/config/findings/diagnostic.ts'
import { unusableBy } from '../../src/config/gateway-api/status/addresses.ts'
import { statusesOf } from '../../src/config/gateway-api/status/statuses.ts'
import { toPlan } from '../../src/config/plan/to-plan.ts'
import { DEFAULT_SETTINGS } from '../../src/config/settings/settings.ts'
import { api, planned, WEIR } from '../support/gateway-api.ts'
import { type Planned, toResources, type Written } from '../support/resources.ts'

export type Conditions = readonly {
  type: string
  status: string
  reason: string
  observedGeneration: number
}[]
type Listener = {
  name: string
  supportedKinds: { kind: string }[]
  attachedRoutes: number
  conditions: Conditions
}
export type Status = {
  conditions: Conditions
  listeners: Listener[]
  parents: { parentRef: object; conditions: Conditions }[]
  ancestors: { ancestorRef: object; conditions: Conditions }[]
  attachedListenerSets: number
  addresses: object[]
}

export const EDGE = { name: 'edge' }

/** A ListenerSet of the Gateway edge. */
export const set = (id: string, all: object[], metadata: object = {}): Written =>
  api('ListenerSet', id, { parentRef: { ...EDGE, namespace: 'default' }, listeners: all }, metadata)

/** What a Gateway says to take ListenerSets of these namespaces. */
export const open = (from: string): object => ({ allowedListeners: { namespaces: { from } } })

/** When a resource was created. */
export const at = (second: number) => ({ creationTimestamp: `2026-01-01T00:00:0${second}Z` })

/** A BackendTLSPolicy for the Service db, or a port of it. */
export const policy = (id: string, validation: object, more: object = {}, metadata: object = {}): Written =>
  api(
    'BackendTLSPolicy',
    id,
    {
      targetRefs: [{ group: '', kind: 'Service', name: 'db', ...more }],
      validation: { hostname: 'db.test', ...validation },
    },
    metadata,
  )

/** The Plan of these resources, with weir's GatewayClass. */
export const of = (...written: (Written | Written[])[]) => planned([WEIR, ...written.flat()])

export const codes = ({ findings }: Planned): string[] =>
  findings.list
    .filter(each => /^CFG5[23]/.test(each.code))
    .map(each => `${each.code} ${each.resource} ${each.field}`)

export function statuses(
  written: (Written | Written[])[],
  addresses: readonly string[] | null = null,
  local?: readonly string[],
) {
  const resources = toResources([WEIR, ...written.flat()])
  const planned = toPlan(resources, DEFAULT_SETTINGS, new Map(), new Findings())
  const all = statusesOf(planned.gatewayApi, {
    addressesOf: () => addresses,
    unusableOf: unusableBy({ given: [], own: [], ...(local && { local }) }),
  })
  return (kind: string, id = 'edge'): Status => {
    const [name, of = 'default'] = id.split('/').reverse()
    const found = all.find(
      each => each.kind === kind && each.name === name && [of, ''].includes(each.namespace),
    )
    return found?.status as unknown as Status
  }
}

/** "Accepted", "Programmed: Invalid" for a false one. */
export const said = (conditions: Conditions, ...types: string[]): string[] =>
  conditions
    .filter(each => types.length === 0 || types.includes(each.type))
    .map(each => `${each.status === 'True' ? '' : 'not '}${each.type}: ${each.reason}`)

export const listeners = ({ listeners }: Status, ...types: string[]): [string, ...string[]][] =>
  listeners.map(each => [each.name, ...said(each.conditions, ...types)])

/** Of a route with one parent. */
export const parent = ({ parents }: Status): string[] => said(parents[0].conditions)
