/** Gateways of weir's classes and their ListenerSets: which are accepted, and where they listen. */

import { parseAddress } from '../../address/address.ts'
import { quote } from '../findings/quote.ts'
import type { Typed } from '../plan/inputs.ts'
import { plainAddress } from '../plan/names.ts'
import type { Resource } from '../resource.ts'
import { conflictsOf } from './conflicts.ts'
import type { ApiGatewaySpec, ListenerSetSpec } from './inputs.ts'
import { type BareListener, type KnownToListeners, ListenerReader } from './listeners.ts'
import { type ApiGateway, type ApiListenerSet, no, type Verdict, yes } from './model.ts'

/** A Gateway before routes are attached to its listeners. */
export type BareGateway = Omit<ApiGateway, 'listeners' | 'sets'> & {
  readonly listeners: readonly BareListener[]
  readonly sets: readonly (Omit<ApiListenerSet, 'listeners'> & {
    readonly listeners: readonly BareListener[]
  })[]
}

/** @param sets  The ListenerSets that name it, in the order of precedence. */
export function readGateway(
  gateway: Typed<ApiGatewaySpec>,
  sets: readonly Typed<ListenerSetSpec>[],
  known: KnownToListeners,
): BareGateway {
  const { resource, value } = gateway
  const { binds, refusal } = bindsOf(value)
  const own = value.listeners ?? []
  const allowed = sets.filter(set =>
    known.namespaces.letsIn(
      value.allowedListeners?.namespaces,
      resource.metadata.namespace,
      set.resource.metadata.namespace,
      'None',
    ),
  )
  const conflicts = conflictsOf([own, ...allowed.map(set => set.value.listeners ?? [])])
  const reader = new ListenerReader(resource, refusal === null ? binds : [], conflicts, known)
  const listeners = reader.read(resource, own)
  const accepted = refusal ?? gatewayAccepted(value, listeners)
  return {
    gateway,
    id: resource.id,
    accepted,
    binds,
    listeners,
    sets: sets.map(set => {
      const all = allowed.includes(set) ? reader.read(set.resource, set.value.listeners ?? []) : []
      return { set, gateway: resource.id, accepted: setAccepted(resource, accepted, all), listeners: all }
    }),
  }
}

/** The addresses to listen at: those asked for, else every one. */
function bindsOf({ addresses = [] }: ApiGatewaySpec): { binds: readonly string[]; refusal: Verdict | null } {
  for (const [index, { type = 'IPAddress', value }] of addresses.entries()) {
    const path = ['spec', 'addresses', index]
    if (type !== 'IPAddress')
      return {
        binds: [],
        refusal: no('UnsupportedAddress', `weir listens at addresses of type IPAddress, not ${quote(type)}`, [
          ...path,
          'type',
        ]),
      }
    if (value && parseAddress(value) === null)
      return {
        binds: [],
        refusal: no('UnsupportedAddress', `${quote(value)} is not an IP address`, [...path, 'value']),
      }
  }
  const wanted = addresses.flatMap(({ value }) => (value ? [plainAddress(value)] : []))
  return { binds: wanted.length > 0 ? [...new Set(wanted)] : [''], refusal: null }
}

function gatewayAccepted({ infrastructure }: ApiGatewaySpec, listeners: readonly BareListener[]): Verdict {
  if (infrastructure?.parametersRef)
    return no('InvalidParameters', 'weir takes no parameters', ['spec', 'infrastructure', 'parametersRef'])
  return listenersValid(listeners, 'the Gateway')
}

/** Accepted, also if some listeners are not. */
function listenersValid(listeners: readonly BareListener[], what: string): Verdict {
  const wrong = listeners.filter(each => !each.accepted.holds).map(each => each.name)
  if (wrong.length === 0) return yes('Accepted', `${what} is accepted`)
  if (wrong.length === listeners.length) return no('ListenersNotValid', 'no listener is accepted')
  return yes('ListenersNotValid', `these listeners are not accepted: ${wrong.join(', ')}`)
}

function setAccepted(gateway: Resource, parent: Verdict, listeners: readonly BareListener[]): Verdict {
  const path = ['spec', 'parentRef']
  if (listeners.length === 0)
    return no('NotAllowed', `${gateway.title} allows no ListenerSet of this namespace`, path)
  if (!parent.holds)
    return no('ParentNotAccepted', `${gateway.title} is not accepted: ${parent.message}`, path)
  return listenersValid(listeners, 'the ListenerSet')
}
