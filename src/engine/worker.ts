/**
 * A worker thread of the data plane: the Piscina task that runs an engine until it is told to end.
 *
 * The task resolves when the worker has drained or stopped. An exception nobody catches is a bug; it
 * ends the thread and rejects the task, and the supervisor starts another in its place.
 */

import { runNodeEngine } from './node/engine.ts'
import type { EngineKind, WorkerTask } from './protocol.ts'
import { runUringEngine } from './uring/engine.ts'

const ENGINES: Readonly<Record<EngineKind, (task: WorkerTask) => Promise<void>>> = {
  node: runNodeEngine,
  uring: runUringEngine,
}

export default (task: WorkerTask): Promise<void> => ENGINES[task.engine](task)
