/**
 * Count baselines, reset when a VirtualService, or a route of Gateway API, changes.
 *
 * Counts continue by name over all reloads. But after a reload tcp[0] may be another rule, or an
 * 80:20 split a 50:50 split. So when a VirtualService changes, its counts are remembered, and later
 * subtracted.
 */

import { wallTime } from '../../base/clock.ts'
import type { SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import { nameInRules } from '../../table/plan/rule-name.ts'
import type { Changes } from './changes.ts'

type Baseline = {
  /** The generation and the time of its last change. */
  readonly generation: number
  readonly at: string
  /** The counts at that time, by the key of the name. */
  readonly counts: ReadonlyMap<string, Total<SeriesName>>
}

export class Baselines {
  readonly #byService = new Map<string, Baseline>()
  #first: Baseline = { generation: 0, at: '', counts: new Map() }

  /** A generation was just published; `changes` are of all kinds of resources, by title. */
  published(generation: number, changes: Changes, totals: () => readonly Total<SeriesName>[]): void {
    const at = wallTime()
    if (this.#first.generation === 0) this.#first = { generation, at, counts: new Map() }
    for (const service of servicesIn(changes.removed)) this.#byService.delete(service)
    const changed = servicesIn([...changes.added, ...changes.changed])
    if (changed.length === 0 || generation === this.#first.generation) return
    const counted = Map.groupBy(totals(), ({ name }) => name.rule?.virtualService)
    for (const service of changed) {
      const counts = new Map((counted.get(service) ?? []).map(total => [total.name.key, total]))
      this.#byService.set(service, { generation, at, counts })
    }
  }

  /** The baseline of a served VirtualService, "namespace/name", or "TCPRoute namespace/name". */
  of(service: string): Baseline {
    return this.#byService.get(service) ?? this.#first
  }
}

const servicesIn = (titles: readonly string[]): string[] => titles.flatMap(title => nameInRules(title) ?? [])
