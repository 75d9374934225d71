/**
 * When endpoints of destinations with `warmup` came into rotation, as a naive model has it: one
 * that a table adds to a destination which had others, one that is enabled, one that is up again.
 */

import { formatEndpoint } from '../../src/address/address.ts'
import { arrivalStamp } from '../../src/stats/warmups.ts'
import { clusterIdentity } from '../../src/table/build/endpoint-rows.ts'
import type { Cluster, Plan } from '../../src/table/plan/plan.ts'

export class Arrivals {
  /** The endpoints of each destination that has them warm up. */
  #members = new Map<string, ReadonlySet<string>>()
  readonly #atMs = new Map<string, number>()
  /** Of each destination, when the last of its endpoints came. */
  readonly #lastMs = new Map<string, number>()

  /** A table has these. */
  follow({ clusters }: Plan, nowMs: number): void {
    const before = this.#members
    this.#members = new Map()
    for (const cluster of clusters) {
      const texts = cluster.endpoints.map(({ address, port }) => formatEndpoint(address, port))
      if (cluster.policy.warmup !== null) this.#members.set(clusterIdentity(cluster), new Set(texts))
    }
    for (const [name, texts] of this.#members) {
      const known = before.get(name)
      if (known !== undefined && known.size > 0)
        for (const text of texts) if (!known.has(text)) this.isBack(text, nowMs)
    }
  }

  /** It is in rotation again. */
  isBack(text: string, nowMs: number): void {
    for (const [name, texts] of this.#members) {
      if (!texts.has(text)) continue
      this.#atMs.set(text, nowMs)
      this.#lastMs.set(name, nowMs)
    }
  }

  /** When it came; long ago, if that was not written down. */
  of(text: string): number {
    return this.#atMs.get(text) ?? Number.NEGATIVE_INFINITY
  }

  /** When the last endpoint of a destination came. */
  lastOf(cluster: Cluster): number {
    return this.#lastMs.get(clusterIdentity(cluster)) ?? Number.NEGATIVE_INFINITY
  }

  /** What is to be written down of it. */
  stampOf(text: string): number {
    const atMs = this.#atMs.get(text)
    return atMs === undefined ? 0 : arrivalStamp(atMs)
  }
}
