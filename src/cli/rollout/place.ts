/** Where a rollout's weights are written: a file, or a resource of a cluster. */

import type { Target } from './target.ts'

export type WeightsPlace = {
  /** For people, such as the path of a file. */
  readonly title: string
  /** In "does it read …?". */
  readonly what: string
  /** Whether the gateway is asked to read it; else it hears of it by itself. */
  readonly isReloaded: boolean
  /** Whether it holds anything but what this rollout has left there. */
  isForeign(): Promise<boolean>
  /** Whether it is as it was at the start. */
  isAsBefore(): Promise<boolean>
  /** The weights that it has; null: they cannot be read. */
  present(): Promise<readonly number[] | null>
  /** Why it cannot, or null. */
  set(weights: readonly number[]): Promise<string | null>
  /** As it was at the start: why it cannot, or null. */
  putBack(): Promise<string | null>
  /** How somebody gets from one to the other by hand. */
  patch(
    was: readonly number[],
    now: readonly number[],
  ): { readonly text: string } | { readonly error: string }
}

/** What is moved, and where that is written. */
export type Found = { readonly target: Target; readonly place: WeightsPlace }
