/**
 * The status of every resource of Gateway API that weir has a say in: a pure function of what was
 * read. Whoever writes it merges it with what others have written (merge.ts).
 */

import { GATEWAY_API } from '../../kinds.ts'
import type { Resource } from '../../resource.ts'
import type { ApiGateway, ApiParent, ApiPolicy, ApiRoute, GatewayApi } from '../model.ts'
import { CONTROLLER } from '../resolve.ts'
import { condition, generationOf } from './conditions.ts'
import { allOf, classStatus, gatewayStatus, listenerSetStatus, shutOf } from './gateways.ts'

export type ResourceStatus = {
  readonly apiVersion: string
  readonly kind: string
  /** '' for a GatewayClass. */
  readonly namespace: string
  readonly name: string
  /** That of the resource as it was read. */
  readonly generation: number
  readonly status: Readonly<Record<string, unknown>>
}

type StatusOptions = {
  /** Where clients reach a Gateway; null: unknown. */
  readonly addressesOf?: (gateway: ApiGateway) => readonly string[] | null
  /** Addresses that it asks for, and where it cannot listen. */
  readonly unusableOf?: (gateway: ApiGateway) => readonly string[]
}

/** A policy's status has at most so many ancestors (apis/v1/policy_types.go). */
const ANCESTORS_MAX = 16

/**
 * A route or policy that nothing of weir's uses has an empty list: entries of weir's that are still
 * there from before have to go.
 */
export function statusesOf(
  api: GatewayApi,
  { addressesOf = () => null, unusableOf = () => [] }: StatusOptions = {},
): ResourceStatus[] {
  const parents = Map.groupBy(api.parents, each => each.route)
  return [
    ...api.classes.map(each => of(each.class.resource, classStatus(each))),
    ...api.gateways.flatMap(gateway => {
      const all = allOf(gateway)
      const unusable = unusableOf(gateway)
      const shut = shutOf(gateway, unusable)
      return [
        of(
          gateway.gateway.resource,
          gatewayStatus(gateway, { addresses: addressesOf(gateway), unusable, shut }),
        ),
        ...gateway.sets.map(set => of(set.set.resource, listenerSetStatus(set, all, shut))),
      ]
    }),
    ...api.routes.map(route => of(route.route.resource, routeStatus(route, parents.get(route) ?? []))),
    ...api.policies.map(policy => of(policy.policy.resource, policyStatus(policy))),
  ]
}

function of(resource: Resource, status: ResourceStatus['status']): ResourceStatus {
  const { apiVersion, kind, metadata } = resource
  const { namespace, name } = metadata
  return { apiVersion, kind, namespace, name, generation: generationOf(resource), status }
}

const routeStatus = ({ route: { resource }, resolvedRefs }: ApiRoute, parents: readonly ApiParent[]) => ({
  parents: parents.map(({ ref, accepted }) => ({
    parentRef: ref,
    controllerName: CONTROLLER,
    conditions: [
      condition('Accepted', accepted, resource),
      condition('ResolvedRefs', resolvedRefs, resource),
    ],
  })),
})

const policyStatus = ({ policy: { resource }, accepted, resolvedRefs, gateways }: ApiPolicy) => ({
  ancestors: gateways.slice(0, ANCESTORS_MAX).map(id => {
    const [namespace, name] = id.split('/')
    return {
      ancestorRef: { group: GATEWAY_API, kind: 'Gateway', namespace, name },
      controllerName: CONTROLLER,
      conditions: [
        condition('Accepted', accepted, resource),
        condition('ResolvedRefs', resolvedRefs, resource),
      ],
    }
  }),
})
