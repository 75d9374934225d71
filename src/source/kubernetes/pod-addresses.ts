/** Pods by the addresses that they say they have. */

import type { Pod } from '../../config/plan/inputs.ts'
import { type ApiObject, objectKey } from '../../config/text/read-objects.ts'

export class PodAddresses {
  readonly #byAddress = new Map<string, readonly ApiObject[]>()

  take(after: ApiObject | null, before: ApiObject | null): void {
    for (const each of addressesOf(before)) this.#replace(each, before, null)
    for (const each of addressesOf(after)) this.#replace(each, null, after)
  }

  /** In the order of their keys, in which they are compiled, too. */
  at(address: string): readonly ApiObject[] {
    return this.#byAddress.get(address) ?? []
  }

  #replace(address: string, before: ApiObject | null, after: ApiObject | null): void {
    const stay = this.at(address).filter(each => before === null || objectKey(each) !== objectKey(before))
    const all = after ? [...stay, after].sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1)) : stay
    if (all.length > 0) this.#byAddress.set(address, all)
    else this.#byAddress.delete(address)
  }
}

function addressesOf(pod: ApiObject | null): Set<string> {
  const { podIP, podIPs } = Object(pod?.status) as Pick<NonNullable<Pod['status']>, 'podIP' | 'podIPs'>
  return new Set([podIP ?? [], ...(podIPs ?? []).map(each => each.ip)].flat())
}
