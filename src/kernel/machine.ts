/** The machine that this process runs on, as a `World` (base/world.ts). */

import { getRandomValues } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { clockOriginMs, monotonicMs, wallNowMs } from '../base/clock.ts'
import { createRandom } from '../base/random.ts'
import type { World } from '../base/world.ts'
import { ownAddresses } from './own-addresses.ts'

export const machine: World = {
  monotonicMs,
  originMs: clockOriginMs,
  wallMs: wallNowMs,
  random: () => {
    const [a, b, c] = getRandomValues(new Uint32Array(3))
    return createRandom(a, b, c)
  },
  ownAddresses,
  openFilesMax,
}

function openFilesMax(): number | null {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8') // proc_pid_limits(5)
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1]
    return soft === undefined ? null : Number(soft)
  } catch {
    return null // not Linux
  }
}
