/**
 * Endpoints that an API changes: from EndpointSlices to the places of clusters, on the main thread.
 *
 * It costs what has changed: the slices of the Services that did, and the clusters that have them.
 * No rule is read. What rules depend on is compiled instead (config/plan/live-clusters.ts).
 */

import { isSameValue } from '../base/same-value.ts'
import {
  type LiveCluster,
  liveMembers,
  livePlaces,
  type ServiceObjects,
} from '../config/plan/live-clusters.ts'
import type { Place } from '../table/plan/plan.ts'
import type { CompiledLive } from './compile/cluster-rows.ts'
import type { NamedCluster } from './endpoint-changes.ts'

/** What an API has of Services. */
type ServiceView = {
  objectsOf(service: string): ServiceObjects
  /** Services whose endpoints have changed after this revision of the API's objects. */
  changedSince(revision: number): readonly string[]
  /** Rules depend on what has changed: everything is compiled. */
  compileAnyway(): void
  /** What of Pods counts by itself. */
  usePods(use: Pick<CompiledLive, 'selectsPods' | 'filesHaveWorkloads'>): void
}

export class LiveEndpoints {
  readonly #view: ServiceView
  #live: CompiledLive | null = null
  #byService = new Map<string, readonly LiveCluster[]>()
  #compiled: ReadonlySet<string> = new Set()
  /** By row, the places that were published last. */
  #places = new Map<number, readonly Place[]>()

  constructor(view: ServiceView) {
    this.#view = view
  }

  /** A new generation has these clusters; those that are not up to date. */
  begin(live: CompiledLive): NamedCluster[] {
    this.#places = new Map([...live.rows].map(([row, { places }]) => [row, places]))
    return this.renew(live, [])
  }

  /** The generation goes on, with the endpoints of some clusters chosen by others. */
  renew(live: CompiledLive, moved = live.moved): NamedCluster[] {
    this.#live = live
    this.#byService = Map.groupBy(live.clusters, each => each.service)
    this.#compiled = new Set(live.compiled)
    this.#view.usePods(live)
    return this.change([...new Set([...moved, ...this.#view.changedSince(live.upTo)])])
  }

  /** The clusters that have other endpoints, now that those of these Services may be others. */
  change(services: readonly string[]): NamedCluster[] {
    const rows: NamedCluster[] = []
    let isCompiled = false
    for (const service of services) {
      if (this.#compiled.has(service)) isCompiled = true
      const clusters = this.#byService.get(service) ?? []
      const objects = clusters.length > 0 ? this.#view.objectsOf(service) : null
      for (const cluster of clusters) {
        const places = objects && livePlaces(cluster, liveMembers(service, cluster.spec, objects))
        if (places) rows.push(...this.#rowOf(cluster, places))
        else isCompiled = true
      }
    }
    if (isCompiled) this.#view.compileAnyway()
    return rows
  }

  /** The row with these places; none if it has them already. */
  #rowOf({ cluster }: LiveCluster, places: readonly Place[]): NamedCluster[] {
    const row = this.#live?.rows.get(cluster)
    if (row === undefined || isSameValue(this.#places.get(cluster), places)) return []
    this.#places.set(cluster, places)
    return [{ ...row, places }]
  }
}
