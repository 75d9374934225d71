/**
 * Which Gateways of a cluster are this weir's, where the Settings choose among them by labels or by
 * class. The others are another weir's, which may write into the status of the same routes.
 */

import { GATEWAY_API, groupOf } from '../../config/kinds.ts'
import { type ApiObject, objectKey } from '../../config/text/read-objects.ts'
import type { Fields, Kept } from './objects.ts'

type Choice = {
  readonly gatewaySelector: Readonly<Record<string, string>>
  readonly gatewayClass: string | null
}

export class Chosen {
  readonly #choice: Choice
  /** Gateways of Gateway API that are there and left out, by key. */
  readonly #others = new Set<string>()

  constructor(choice: Choice) {
    this.#choice = choice
  }

  /** A change as far as it is about something chosen: what is left out from now on is gone. */
  take(after: Kept | null, before: Kept | null): [after: Kept | null, before: Kept | null] {
    const object = (after ?? before)?.object
    if (object?.kind !== 'Gateway' && object?.kind !== 'GatewayClass') return [after, before]
    if (after && object.kind === 'Gateway' && !this.#has(object)) this.#others.add(objectKey(object))
    else this.#others.delete(objectKey(object))
    return [
      after && this.#has(after.object) ? after : null,
      before && this.#has(before.object) ? before : null,
    ]
  }

  /**
   * Whether an entry of a status is about a Gateway that is left out.
   *
   * @param object  Whose status it is.
   * @param find    Objects by key.
   */
  leavesOut(
    { parentRef, ancestorRef }: Fields,
    { metadata }: ApiObject,
    find: (key: string) => Kept | null,
  ): boolean {
    if (this.#others.size === 0) return false
    const key = keyOfParent(Object(parentRef ?? ancestorRef), metadata.namespace ?? '')
    const set = key.startsWith(`${GATEWAY_API} ListenerSet `) ? find(key)?.object : undefined
    if (!set) return this.#others.has(key)
    return this.#others.has(keyOfParent(Object(Object(set.spec).parentRef), set.metadata.namespace ?? ''))
  }

  #has({ apiVersion, kind, metadata, spec }: ApiObject): boolean {
    const { gatewaySelector, gatewayClass } = this.#choice
    if (kind === 'GatewayClass') return gatewayClass === null || metadata.name === gatewayClass
    const isOfClass =
      gatewayClass === null ||
      groupOf(apiVersion) !== GATEWAY_API ||
      Object(spec).gatewayClassName === gatewayClass
    const labels = Object.entries(gatewaySelector)
    return isOfClass && labels.every(([label, value]) => metadata.labels?.[label] === value)
  }
}

/** The key of the object that a reference of Gateway API names. */
const keyOfParent = (
  { group = GATEWAY_API, kind = 'Gateway', namespace, name }: Fields,
  own: string,
): string => `${group} ${kind} ${namespace ?? own}/${name}`
