/** The drains of selected connections, newest first, with their progress. */

import { wallTime } from '../../base/clock.ts'
import type { SelectedDrain, Selection } from './selected-drain.ts'

/** Drains that are kept. */
const DRAINS_MAX = 16

type DrainProgress = {
  /** Counted from 1. */
  readonly number: number
  readonly at: string
  readonly selection: Selection
  readonly overS: number
  readonly matched: number
  /** The selected connections that are still open. */
  readonly left: number
  readonly elapsedS: number
}

type Remembered = {
  readonly number: number
  readonly at: string
  drain: SelectedDrain
  ended: DrainProgress | null
}

export class Drains {
  #drains: readonly Remembered[] = []
  #number = 0

  add(drain: SelectedDrain): DrainProgress {
    this.#number++
    const remembered: Remembered = { number: this.#number, at: wallTime(), drain, ended: null }
    this.#drains = [remembered, ...this.#drains].slice(0, DRAINS_MAX)
    return progressOf(remembered)
  }

  get progress(): DrainProgress[] {
    return this.#drains.map(progressOf)
  }
}

/** Finished drains are not checked again. */
function progressOf(remembered: Remembered): DrainProgress {
  if (remembered.ended) return remembered.ended
  const { number, at, drain } = remembered
  const { selection, matched, left } = drain
  const times = { overS: drain.overMs / 1000, elapsedS: Math.round(drain.elapsedMs) / 1000 }
  const progress = { number, at, selection, matched, left, ...times }
  if (left === 0) remembered.ended = progress
  return progress
}
