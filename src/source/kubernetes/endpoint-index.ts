/** EndpointSlices and Endpoints by Service, and which Services have had a change since when. */

import type { ApiObject } from '../../config/text/read-objects.ts'
import { idOf, type Kept } from './objects.ts'

const OWNER = 'kubernetes.io/service-name'

/** Whether an object says where a Service's endpoints are. */
export const isEndpoints = ({ kind }: Pick<ApiObject, 'kind'>): boolean =>
  kind === 'EndpointSlice' || kind === 'Endpoints'

const byName = ({ metadata: left }: ApiObject, { metadata: right }: ApiObject): number =>
  left.name < right.name ? -1 : 1

/** The Service that it belongs to, as "namespace/name"; null: to none. */
export function serviceOf({ object }: Kept): string | null {
  if (object.kind === 'Endpoints') return idOf(object)
  const owner = object.metadata.labels?.[OWNER]
  return owner === undefined ? null : `${object.metadata.namespace}/${owner}`
}

export class EndpointIndex {
  readonly #slices = new Map<string, Map<string, ApiObject>>()
  readonly #endpoints = new Map<string, ApiObject>()
  /** By Service, the revision of its last change, until that is compiled. */
  readonly #revisions = new Map<string, number>()

  take(after: Kept | null, before: Kept | null, revision: number): void {
    const [now, old] = [after && serviceOf(after), before && serviceOf(before)]
    if (before && now !== old) this.#remove(before)
    if (after) this.#add(after)
    if (now) this.#revisions.set(now, revision)
    if (old && old !== now) this.#revisions.set(old, revision)
  }

  /** In the order of their names, in which they are compiled, too. */
  slicesOf(service: string): ApiObject[] {
    const slices = [...(this.#slices.get(service)?.values() ?? [])]
    return slices.length < 2 ? slices : slices.sort(byName)
  }

  endpointsOf(service: string): ApiObject | null {
    return this.#endpoints.get(service) ?? null
  }

  /** @param revision  Not before that of an earlier call: what changed until then is forgotten. */
  changedSince(revision: number): string[] {
    for (const [service, changed] of this.#revisions) if (changed <= revision) this.#revisions.delete(service)
    return [...this.#revisions.keys()]
  }

  #add(kept: Kept): void {
    const { object } = kept
    const service = serviceOf(kept)
    if (service === null) return
    if (object.kind === 'Endpoints') this.#endpoints.set(service, object)
    else this.#slices.getOrInsertComputed(service, () => new Map()).set(object.metadata.name, object)
  }

  #remove(kept: Kept): void {
    const service = serviceOf(kept)
    if (service === null) return
    if (kept.object.kind === 'Endpoints') this.#endpoints.delete(service)
    else {
      const slices = this.#slices.get(service)
      slices?.delete(kept.object.metadata.name)
      if (slices?.size === 0) this.#slices.delete(service)
    }
  }
}
