/** The threads of a gateway: for compiling, comparing, the access log, and the workers. */

import { type CompilingThread, compilingThread } from './compile/compile.ts'
import { type ComparingThread, comparingThread } from './compile/differ.ts'
import { type LoggingThreads, loggingThreads } from './observe/access-log.ts'
import type { WorkingThreads } from './workers/threads.ts'

export type GatewayThreads = {
  readonly compiling: CompilingThread
  readonly comparing: ComparingThread
  readonly logging: LoggingThreads
  /** By default the supervisor starts as many as there are workers. */
  readonly working?: WorkingThreads
}

/** The threads of one gateway, which end with it. */
export const ownThreads = (): GatewayThreads => ({
  compiling: compilingThread(),
  comparing: comparingThread(),
  logging: loggingThreads(),
})
