/**
 * What the main thread does for a worker that has ended, in order or not: what lost-worker.ts and
 * left-behind.ts of src do.
 */

import type { MessagePort } from 'node:worker_threads'
import type { FlowEngine } from '../../src/engine/flow/engine.ts'
import { ANY, Inboxes } from '../../src/engine/worker/inboxes.ts'
import type { Adopted } from '../../src/engine/worker/protocol.ts'
import { openConnections } from '../../src/stats/connections.ts'
import type { JournalMemory } from '../../src/stats/journal-memory.ts'
import { endLost } from '../../src/stats/lost.ts'
import { giveLost } from '../../src/stats/lost-sources.ts'
import type { Sources } from '../../src/stats/source-table.ts'
import { Counter, clearWorker, openAt, type Stats } from '../../src/stats/stats.ts'
import type { Machine, SimulatedKernel } from './kernel.ts'

/** Eventfds have numbers that no socket of a run has. */
export const WAKES = 1_000_000

export type Worker = {
  readonly index: number
  engine: FlowEngine | null
  kernel: SimulatedKernel | null
  port: MessagePort | null
  /** It stands still until then. */
  stalledMs: number
  /** It is in the middle of a turn. */
  isTurning: boolean
  hasWaited: boolean
  isKnown: boolean
  /** The newest generation that it listens for. */
  generation: number
  /** The parts that it decides by. */
  adopted: Adopted
}

/** What workers share. */
type Shared = {
  readonly stats: Stats
  readonly journals: readonly JournalMemory[]
  readonly sources: Sources
  readonly slotCount: number
}

/** @param left  It has left connections and descriptors behind. */
export function bury(
  machine: Machine,
  shared: Shared,
  inboxesBuffer: SharedArrayBuffer,
  worker: Worker,
  left: boolean,
): void {
  const { index, kernel } = worker
  const { stats, journals, sources } = shared
  const unseen = kernel?.unseen() ?? []
  worker.port?.close()
  worker.engine = worker.kernel = worker.port = null
  worker.hasWaited = false
  machine.wakes.get(WAKES + index)!.kernel = null
  const given: number[] = []
  const inboxes = new Inboxes(inboxesBuffer)
  inboxes.close(index)
  inboxes.take(index, ANY, fd => given.push(fd))
  const counters = stats.counters[index]
  const accepted = left ? unseen : []
  for (const fd of [...given, ...accepted]) drop(machine, fd)
  if (left)
    for (const [fd, file] of machine.process.files.entries()) if (file?.owner === index) drop(machine, fd)
  if (!left) checkLeft(machine, shared, index)
  counters[Counter.accepted] += given.length + accepted.length
  counters[Counter.open] += given.length + accepted.length
  const rows = journals.map(({ connections }) => openConnections(connections).words)
  giveLost(sources, index, rows)
  endLost(journals[index], counters[Counter.open])
  clearWorker(stats, index)
}

/** Who ends in order has nothing open, for any endpoint or destination. */
function checkLeft({ onBug }: Machine, { stats, slotCount }: Shared, index: number): void {
  const { words, counters } = stats
  if (counters[index][Counter.open] !== 0) onBug(`worker ${index} ends with connections`)
  for (let slot = 0; slot < slotCount; slot++)
    if (words[openAt(index, slot)] !== 0)
      onBug(`worker ${index} counts ${words[openAt(index, slot)]} open for a slot`)
}

function drop({ process, network }: Machine, fd: number): void {
  const file = process.files[fd]
  if (file?.socket) network.abort(file.socket)
  process.drop(fd)
}
