/**
 * Endpoints that an API changes: from EndpointSlices to the places of clusters, on the main thread.
 *
 * It costs what has changed: the slices of the Services that did, and the clusters that have them.
 * No rule is read. What rules depend on is compiled instead (config/plan/live-clusters.ts).
 */

import { align } from '../base/align.ts'
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
      const clusters = this.#byService.get(service)
      if (!clusters) continue
      const members = liveMembers(clusters, this.#view.objectsOf(service))
      for (const cluster of clusters) {
        const places = livePlaces(cluster, members)
        if (places) rows.push(...this.#rowOf(cluster, places))
        else isCompiled = true
      }
    }
    if (isCompiled) this.#view.compileAnyway()
    return rows
  }

  /** The row with these places; none if it has them already. */
  #rowOf({ cluster }: LiveCluster, chosen: readonly Place[]): NamedCluster[] {
    const row = this.#live?.rows.get(cluster)
    if (row === undefined) return []
    const known = this.#places.get(cluster) ?? []
    const places = staying(known, chosen)
    if (places === known) return []
    this.#places.set(cluster, places)
    return [{ ...row, places }]
  }
}

/**
 * The places with those of before where they are equal, so that V8 has little to copy of what
 * stays; `known` itself if nothing differs.
 */
function staying(known: readonly Place[], chosen: readonly Place[]): readonly Place[] {
  const places: Place[] = []
  let isSame = chosen.length === known.length
  align(
    chosen.length,
    known.length,
    (index, before) => isSameValue(chosen[index], known[before]),
    (index, before) => {
      isSame &&= index === before
      places.push(before < 0 ? chosen[index] : known[before])
    },
  )
  return isSame ? known : places
}
