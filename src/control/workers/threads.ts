/**
 * The threads of the workers, one each. A failed task does not tell whether its thread has ended:
 * it may still live with everything it has open. `end` waits until the thread is gone.
 */

import { threadModule } from '../../base/own-files.ts'
import { Threads } from '../../base/threads.ts'
import type { EngineKind, Preload, WorkerTask } from '../../engine/worker/protocol.ts'

export type WorkingThreads = Threads<WorkerTask, void>

const WORKER = threadModule('engine/worker/worker').href

/** With the kernels, connections allocate next to nothing: a larger one would only fill up. */
const YOUNG_MB = 6

type WorkingThreadsOptions = {
  readonly least: number
  readonly most: number
  /** The engine to load before there is a task: most likely the one that will run. */
  readonly engine?: EngineKind
  /** The module that a worker runs, and its heap in MB, for tests. */
  readonly module?: string | undefined
  readonly heapMb?: number | undefined
  readonly lent?: boolean
}

export const workingThreads = ({
  module = WORKER,
  engine,
  ...options
}: WorkingThreadsOptions): WorkingThreads =>
  new Threads({
    module,
    youngMb: engine === 'node' ? undefined : YOUNG_MB,
    ...options,
    data: { engine } satisfies Preload,
  })
