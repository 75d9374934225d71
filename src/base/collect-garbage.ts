/**
 * Gives back what the heap of this thread does not need.
 *
 * V8 collects when a thread allocates again, or when its event loop is idle. A thread that has
 * loaded its code, or made something large, and then hardly allocates keeps that garbage for hours.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (how: { readonly type: 'major'; readonly flavor: 'last-resort' | 'regular' }) => void

/**
 * Takes 10 to 30 ms for the heap of a thread that has only loaded its code.
 *
 * @param flavor  `last-resort` gives back all that it can, in two rounds, and V8 begins to mark
 *                again soon after; `regular` is one round, as V8 itself would begin it.
 */
export function collectGarbage(flavor: 'last-resort' | 'regular' = 'last-resort'): void {
  setFlagsFromString('--expose-gc') // stays: flags are the process's, and other threads do the same
  const collect = runInNewContext('gc') as Collect
  collect({ type: 'major', flavor })
}

let isLoaded = false

/** Once for each thread: what loading its code has left. */
export function collectLoaded(): void {
  if (!isLoaded) collectGarbage()
  isLoaded = true
}
