/**
 * Gives back what the heap of this thread does not need.
 *
 * V8 collects when a thread allocates again, or when its event loop is idle. A thread that has
 * loaded its code, or made something large, and then hardly allocates keeps that garbage for hours.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (how: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void

/** Takes 10 to 30 ms for the heap of a thread that has only loaded its code. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc') // stays: flags are the process's, and other threads do the same
  const collect = runInNewContext('gc') as Collect
  collect({ type: 'major', flavor: 'last-resort' })
}

let isLoaded = false

/** Once for each thread: what loading its code has left. */
export function collectLoaded(): void {
  if (!isLoaded) collectGarbage()
  isLoaded = true
}
