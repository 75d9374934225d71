/**
 * A worker thread of the data plane: the task that runs an engine until it is told to end. It
 * gives the engine the machine that it runs on (base/world.ts), and its kernel.
 *
 * The task resolves when the worker has drained or stopped. However else it ends, the task rejects,
 * and the supervisor closes what was left open (kernel/left-behind.ts) and starts another in its
 * place.
 */

import { flushCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import { collectLoaded } from '../../base/collect-garbage.ts'
import { errnoName } from '../../kernel/errno.ts'
import { hold } from '../../kernel/held.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { machine } from '../../kernel/machine.ts'
import { openWake } from '../../kernel/wake.ts'
import { OpenSslSessions } from '../../tls/openssl-sessions.ts'
import { NameReader } from '../decide/name-reader.ts'
import { ProxyHeaderReader } from '../decide/proxy-reader.ts'
import { Readers } from '../decide/readers.ts'
import { Inboxes } from './inboxes.ts'
import { LimitsInForce } from './limits.ts'
import type { EngineKind, EngineTask, Preload, WorkerTask } from './protocol.ts'

type Run = (task: EngineTask) => Promise<void> | void

/** Loads only the engine that runs, and its kernel. */
const ENGINES: Readonly<Record<EngineKind, () => Promise<Run>>> = {
  node: async () => (await import('../node/engine.ts')).runNodeEngine,
  epoll: async () => flowOn((await import('../../kernel/epoll/kernel.ts')).EpollKernel.open),
  uring: async () => flowOn((await import('../../kernel/uring/kernel.ts')).UringKernel.open),
}

async function flowOn(open: (wakeFd: number) => Kernel | number): Promise<Run> {
  const { runFlowEngine } = await import('../flow/engine.ts')
  return task => {
    const kernel = open(wakeFdOf(task))
    // The probe has succeeded, so it must work here, too.
    assert(typeof kernel !== 'number', `${task.engine} is not to be had: ${errnoName(kernel as number)}`)
    return runFlowEngine(task, kernel as Kernel)
  }
}

// Preloads while the supervisor waits before it replaces a worker. An error occurs again in the
// task, and is reported there.
const { engine } = (workerData ?? {}) as Preload
if (engine) await ENGINES[engine]().catch(() => {})

/** The parts that a worker adds to its task. */
type Parts = Pick<EngineTask, 'world' | 'reader' | 'tls'>

const runWorker = (task: WorkerTask): Promise<void> =>
  runWith(task, {
    world: machine,
    reader: new Readers([new ProxyHeaderReader(), new NameReader()]),
    tls: memory => new OpenSslSessions(memory),
  })

export default runWorker

/** Runs the task's engine with these parts. */
export async function runWith(task: WorkerTask, parts: Parts): Promise<void> {
  hold(task.held)
  const run = await ENGINES[task.engine]()
  flushCompileCache() // now: the worker that takes this one's place starts from it, however this one ends
  collectLoaded() // connections leave hardly any garbage, so V8 would keep this
  await run({ ...withLimits(task), ...parts })
}

/** The eventfd of this worker's predecessor, or a new one. */
function wakeFdOf({ inboxes, index }: WorkerTask): number {
  const shared = new Inboxes(inboxes)
  if (shared.wakeFd(index) >= 0) return shared.wakeFd(index)
  const fd = openWake()
  assert(fd >= 0, `no eventfd: ${errnoName(fd)}`)
  shared.setWakeFd(index, fd)
  return fd
}

function withLimits(task: WorkerTask): WorkerTask {
  const { limits, limitsInForce } = task
  return limitsInForce ? { ...task, limits: new LimitsInForce(limitsInForce, limits.maxConnections) } : task
}
