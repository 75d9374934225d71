/**
 * A worker thread of the data plane: the Piscina task that runs an engine until it is told to end. It
 * gives the engine the machine that it runs on (base/world.ts).
 *
 * The task resolves when the worker has drained or stopped. However else it ends, the task rejects,
 * and the supervisor closes what was left open (left-behind.ts) and starts another in its place.
 */

import { flushCompileCache } from 'node:module'
import { hold } from '../../kernel/held.ts'
import { machine } from '../../kernel/machine.ts'
import { LimitsInForce } from './limits.ts'
import type { EngineKind, EngineTask, WorkerTask } from './protocol.ts'

type Run = (task: EngineTask) => Promise<void>

/** Only the engine that runs is loaded. */
const ENGINES: Readonly<Record<EngineKind, () => Promise<Run>>> = {
  node: async () => (await import('../node/engine.ts')).runNodeEngine,
  uring: async () => (await import('../flow/engine.ts')).runUringEngine,
}

export default async function runWorker(task: WorkerTask): Promise<void> {
  hold(task.held)
  const run = await ENGINES[task.engine]()
  flushCompileCache() // now: the worker that takes this one's place starts from it, however this one ends
  await run({ ...withLimits(task), world: machine })
}

function withLimits(task: WorkerTask): WorkerTask {
  const { limits, limitsInForce } = task
  return limitsInForce ? { ...task, limits: new LimitsInForce(limitsInForce, limits.maxConnections) } : task
}
