/**
 * Threads that all gateways and engines of a test process share: one that has ended its task takes
 * the next, with nothing left of the one before but loaded code. Starting a thread and loading its
 * code costs more than most tests.
 *
 * Tests that end threads in the middle, or are about their start, have threads of their own.
 */

import { compilingThread } from '../../src/control/compile/compile.ts'
import { comparingThread } from '../../src/control/compile/differ.ts'
import { loggingThreads } from '../../src/control/observe/access-log.ts'
import type { GatewayThreads } from '../../src/control/threads.ts'
import { workingThreads } from '../../src/control/workers/threads.ts'

const MOST = 64

export const THREADS: Required<GatewayThreads> = {
  compiling: compilingThread(true, 0),
  comparing: comparingThread(true),
  logging: loggingThreads(true, MOST),
  working: workingThreads({ least: 0, most: MOST, lent: true }),
}
