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

type Reached = {
  /** Where clients reach it; null: unknown. */
  readonly addresses: readonly string[] | null
  /** Addresses that it asks for, and where it cannot listen. */
  readonly unusable: readonly string[]
  readonly shut: Verdict | null
}

export function gatewayStatus(gateway: ApiGateway, { addresses, unusable, shut }: Reached) {
  const { resource } = gateway.gateway
  const own = addresses ?? gateway.binds.filter(each => each !== '' && !unusable.includes(each))
  const accepted = gateway.sets.filter(each => each.accepted.holds)
  return {
    addresses: gateway.accepted.holds ? own.slice(0, ADDRESSES_MAX).map(addressOf) : [],
    conditions: [
      condition('Accepted', gateway.accepted, resource),
      condition('Programmed', gatewayProgrammed(gateway, addresses, unusable), resource),
    ],
    listeners: listenersStatus(gateway.listeners, allOf(gateway), shut ?? gateway.accepted),
    attachedListenerSets: accepted.length,
  }
}

/** Why no listener of a Gateway can be open, if it listens nowhere; null: it may. */
export const shutOf = ({ accepted, binds }: ApiGateway, unusable: readonly string[]): Verdict | null =>
  accepted.holds && unusable.length === binds.length ? no('AddressNotUsable', unusableText(unusable)) : null

const unusableText = (unusable: readonly string[]): string =>
  `this machine does not have ${unusable.join(', ')}: nothing listens there. The address of a load balancer belongs in kubernetes.addresses of the Settings`

function gatewayProgrammed(
  { accepted, listeners }: ApiGateway,
  addresses: readonly string[] | null,
  unusable: readonly string[],
): Verdict {
  if (!accepted.holds) return no('Invalid', accepted.message)
  if (unusable.length > 0) return no('AddressNotUsable', unusableText(unusable))
  if (!listeners.some(each => each.programmed.holds)) return no('Invalid', 'no listener is open')
  if (addresses?.length === 0) return no('AddressNotAssigned', 'no address of the Gateway is known yet')
  return yes('Programmed', 'the Gateway is served')
}

/**
 * @param all   The listeners of its Gateway and of all ListenerSets there.
 * @param shut  Why its Gateway listens nowhere; null: it does.
 */
export function listenerSetStatus(
  { set, accepted, listeners }: ApiListenerSet,
  all: readonly ApiListener[],
  shut: Verdict | null,
) {
  const { resource } = set
  return {
    conditions: [
      condition('Accepted', accepted, resource),
      condition('Programmed', setProgrammed(accepted, listeners, shut), resource),
    ],
    listeners: listenersStatus(listeners, all, shut ?? accepted),
  }
}

function setProgrammed(accepted: Verdict, listeners: readonly ApiListener[], shut: Verdict | null): Verdict {
  const { holds, reason, message } = accepted
  if (!holds) return no(reason === 'ParentNotAccepted' ? 'ParentNotProgrammed' : reason, message)
  if (shut) return no('ParentNotProgrammed', shut.message)
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
