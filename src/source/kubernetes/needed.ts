/**
 * Follows what rules need beside themselves (needs.ts) from the moment that one does, and gives up
 * single objects once nothing that is served needs them.
 */

import { CONFIG_MAP, NAMESPACE, NODE, POD, SECRET } from './kinds.ts'
import type { Loops } from './loops.ts'
import { type Needs, type NeedsSettings, needsOf } from './needs.ts'
import type { ObjectStore } from './store.ts'

type NeededOptions = {
  readonly loops: Loops
  readonly store: ObjectStore
  readonly settings: NeedsSettings
}

export class Needed {
  readonly #options: NeededOptions
  /** What was handed over to be compiled last, and what it needs. */
  #handed: { readonly to: number; readonly needs: Needs } | null = null

  constructor(options: NeededOptions) {
    this.#options = options
  }

  follow(): void {
    const { loops } = this.#options
    const needs = this.#now()
    if (needs.pods) loops.follow(POD)
    if (needs.nodes) loops.follow(NODE)
    if (needs.namespaces) loops.follow(NAMESPACE)
    for (const each of needs.secrets) loops.followOne(SECRET, each)
    for (const each of needs.configMaps) loops.followOne(CONFIG_MAP, each)
  }

  /** The objects up to this revision are handed over to be compiled. */
  handOver(to: number): void {
    this.#handed = { to, needs: this.#now() }
  }

  /**
   * These are served. If a version of some object was left out, nothing is given up: its last good
   * version is served, and may need what no other does.
   */
  serve(upTo: number, leftOut: number): void {
    const { to, needs } = this.#handed ?? {}
    if (!needs || to !== upTo || leftOut > 0) return
    const { loops } = this.#options
    const now = this.#now()
    loops.keepOnly(SECRET, new Set([...needs.secrets, ...now.secrets]))
    loops.keepOnly(CONFIG_MAP, new Set([...needs.configMaps, ...now.configMaps]))
  }

  #now(): Needs {
    const { store, settings } = this.#options
    return needsOf(kind => store.ofKind(kind), settings)
  }
}
