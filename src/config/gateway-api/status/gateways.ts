/** The status of GatewayClasses, Gateways, ListenerSets and their listeners. */

import { familyOf } from '../../../address/address.ts'
import { namesMeet } from '../../../table/plan/server-name.ts'
import { GATEWAY_API } from '../../kinds.ts'
import {
  type ApiClass,
  type ApiGateway,
  type ApiListener,
  type ApiListenerSet,
  no,
  type Verdict,
  yes,
} from '../model.ts'
import { type Condition, condition } from './conditions.ts'
import { FEATURES } from './features.ts'

export const classStatus = ({ class: { resource }, accepted }: ApiClass) => ({
  conditions: [condition('Accepted', accepted, resource)],
  supportedFeatures: FEATURES.map(name => ({ name })),
})

/** Of a Gateway's status (apis/v1/gateway_types.go). */
const ADDRESSES_MAX = 16

const addressOf = (value: string) => ({
  type: familyOf(value) === null ? 'Hostname' : 'IPAddress',
  value,
})

/** @param addresses  Where clients reach it; null: unknown. */
export function gatewayStatus(gateway: ApiGateway, addresses: readonly string[] | null) {
  const { resource } = gateway.gateway
  const own = addresses ?? gateway.binds.filter(each => each !== '')
  const accepted = gateway.sets.filter(each => each.accepted.holds)
  return {
    addresses: gateway.accepted.holds ? own.slice(0, ADDRESSES_MAX).map(addressOf) : [],
    conditions: [
      condition('Accepted', gateway.accepted, resource),
      condition('Programmed', gatewayProgrammed(gateway, addresses), resource),
    ],
    listeners: listenersStatus(gateway.listeners, allOf(gateway), gateway.accepted),
    attachedListenerSets: accepted.length,
  }
}

function gatewayProgrammed(
  { accepted, listeners }: ApiGateway,
  addresses: readonly string[] | null,
): Verdict {
  if (!accepted.holds) return no('Invalid', accepted.message)
  if (!listeners.some(each => each.programmed.holds)) return no('Invalid', 'no listener is open')
  if (addresses?.length === 0) return no('AddressNotAssigned', 'no address of the Gateway is known yet')
  return yes('Programmed', 'the Gateway is served')
}

/** @param all  The listeners of its Gateway and of all ListenerSets there. */
export function listenerSetStatus({ set, accepted, listeners }: ApiListenerSet, all: readonly ApiListener[]) {
  const { resource } = set
  return {
    conditions: [
      condition('Accepted', accepted, resource),
      condition('Programmed', setProgrammed(accepted, listeners), resource),
    ],
    listeners: listenersStatus(listeners, all, accepted),
  }
}

function setProgrammed(accepted: Verdict, listeners: readonly ApiListener[]): Verdict {
  const { holds, reason, message } = accepted
  if (!holds) return no(reason === 'ParentNotAccepted' ? 'ParentNotProgrammed' : reason, message)
  return listeners.some(each => each.programmed.holds)
    ? yes('Programmed', 'the ListenerSet is served')
    : no('Invalid', 'no listener is open')
}

export const allOf = ({ listeners, sets }: ApiGateway): readonly ApiListener[] => [
  ...listeners,
  ...sets.flatMap(each => each.listeners),
]

/** @param owner  Whether the resource that has them is accepted at all. */
const listenersStatus = (listeners: readonly ApiListener[], all: readonly ApiListener[], owner: Verdict) =>
  listeners.map(listener => ({
    name: listener.name,
    supportedKinds: listener.accepts.kinds.map(kind => ({ group: GATEWAY_API, kind })),
    attachedRoutes: new Set(listener.attached.map(each => each.route)).size,
    conditions: listenerConditions(listener, all, owner),
  }))

function listenerConditions(listener: ApiListener, all: readonly ApiListener[], owner: Verdict): Condition[] {
  const { resource, accepted, programmed, resolvedRefs, conflict } = listener
  const conflicted = conflict
    ? yes(conflict, accepted.message)
    : no('NoConflicts', 'no other listener is in its way')
  const isClosed = programmed.holds && !owner.holds
  const others =
    listener.mode === 'Terminate' ? all.filter(each => each !== listener && overlaps(each, listener)) : []
  const message = `its hostname and those of ${others.map(each => each.name).join(', ')} have names in common`
  return [
    condition('Accepted', accepted, resource),
    condition('Programmed', isClosed ? no('Invalid', owner.message) : programmed, resource),
    condition('ResolvedRefs', resolvedRefs, resource),
    condition('Conflicted', conflicted, resource),
    ...(others.length > 0
      ? [condition('OverlappingTLSConfig', yes('OverlappingHostnames', message), resource)]
      : []),
  ]
}

/** Two that terminate TLS, at one port, for some name both. */
const overlaps = (left: ApiListener, right: ApiListener): boolean =>
  left.mode === 'Terminate' &&
  right.mode === 'Terminate' &&
  left.port === right.port &&
  namesMeet(left.hostname || '*', right.hostname || '*')
