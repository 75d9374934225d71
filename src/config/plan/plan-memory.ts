/**
 * What VirtualServices came to in the last Plan, so that the next one takes over what is the same.
 *
 * Whatever is kept is kept with all that it was made of: a VirtualService as it was written, by the
 * identity of that (../resource.ts), and what was looked up for it, by value. Nothing that had a
 * finding is kept: findings are made anew each time, in their order.
 */

import { isSameValue } from '../../base/same-value.ts'
import type { Resource, Written } from '../resource.ts'
import type { Settings } from '../settings/settings.ts'
import type { PlacedRules } from './placed-rules.ts'
import type { Visibility } from './visibility.ts'

/** How often the rules of a VirtualService at one place were taken over, and made anew. */
type Counts = { taken: number; made: number }

/** What is kept of one VirtualService. */
export class KeptVirtualService {
  /** Of the VirtualService alone. */
  names: {
    readonly hosts: readonly string[]
    readonly gateways: readonly string[]
    readonly visibility: Visibility
  } | null = null
  /** Whether nothing was found in its weights. */
  hasGoodWeights = false
  /** Where nothing was found in its references; see PlanMemory.surroundings. */
  soundIn: object | null = null
  /** Its rules at each place that it applies to, in their order. */
  readonly #places: PlacedRules[] = []
  /** How many of them this Plan has taken over; −1 once it has made one anew. */
  #taken = 0
  readonly #counts: Counts

  constructor(counts: Counts) {
    this.#counts = counts
  }

  /** Whether one of these has its routes at other indexes than in the last Plan. */
  hasMoved = false

  /** Begins a Plan. */
  begin(): void {
    if (this.#taken >= 0) this.#places.length = this.#taken
    this.#taken = 0
    this.hasMoved = false
  }

  /**
   * What the next place may take over: its routes depend on those of the earlier places, which are
   * the same so far.
   */
  next(): PlacedRules | null {
    return this.#taken < 0 ? null : (this.#places[this.#taken] ?? null)
  }

  take(placed: PlacedRules): void {
    if (placed !== this.#places[this.#taken]) this.hasMoved = true
    this.#places[this.#taken++] = placed
    this.#counts.taken++
  }

  /** From now on all are made anew; returns those that were taken over. */
  leave(): readonly PlacedRules[] {
    if (this.#taken < 0) return []
    this.#places.length = this.#taken
    this.#taken = -1
    return [...this.#places]
  }

  add(placed: PlacedRules): void {
    this.#places.push(placed)
    this.#counts.made++
  }
}

export class PlanMemory implements Counts {
  taken = 0
  made = 0
  readonly #kept = new WeakMap<Written, KeptVirtualService>()
  #surroundings: { readonly settings: Settings; readonly resources: readonly Written[] } = {
    settings: {} as Settings,
    resources: [],
  }

  /** Begins a Plan. */
  of({ written }: Resource): KeptVirtualService {
    const kept = this.#kept.get(written) ?? new KeptVirtualService(this)
    this.#kept.set(written, kept)
    kept.begin()
    return kept
  }

  /**
   * All that VirtualServices refer to: the settings, and the other resources in their order. The
   * answer is the same object as long as they are the same.
   */
  surroundings(settings: Settings, resources: readonly Resource[]): object {
    const now = { settings, resources: resources.map(each => each.written) }
    const before = this.#surroundings
    const isSame =
      now.resources.length === before.resources.length &&
      now.resources.every((each, at) => each === before.resources[at]) &&
      isSameValue(now.settings, before.settings)
    if (!isSame) this.#surroundings = now
    return this.#surroundings
  }
}
