/** A worker as the supervisor knows it: its state, how it is reached, and how it ended. */

import type { MessagePort } from 'node:worker_threads'
import { unreachable } from '../../base/assert.ts'
import type { Adopted, ListenFailure, ListeningSocket, Report } from '../../engine/worker/protocol.ts'
import { wake } from '../../kernel/wake.ts'

const RESTART_FIRST_MS = 100
const RESTART_MOST_MS = 10_000
/** A worker that lived this long was healthy; its next death starts over with a short pause. */
const HEALTHY_MS = 60_000

export type SupervisorEvent =
  | { readonly kind: 'died'; readonly worker: number; readonly error: Error; readonly restartMs: number }
  | {
      readonly kind: 'listening'
      readonly worker: number
      readonly generation: number
      readonly failures: readonly ListenFailure[]
    }
  | ({ readonly kind: 'adopted'; readonly worker: number } & Adopted)

/** starting ─listening without failures─▶ accepting ─drain─▶ draining ─▶ ended;  any ─death─▶ starting, or ended while draining */
export type WorkerState = 'starting' | 'accepting' | 'draining' | 'ended'

export type WorkerStatus = {
  readonly worker: number
  readonly state: WorkerState
  /** The newest generation that it listens for; 0: none. */
  readonly generation: number
  readonly failures: readonly ListenFailure[]
  /** The parts that it decides by. */
  readonly adopted: Adopted
}

export type Drained = { readonly closed: number; readonly reset: number }

export type Worker = {
  state: WorkerState
  generation: number
  failures: readonly ListenFailure[]
  adopted: Adopted
  port: MessagePort | null
  /** It died, and what it left is being closed. */
  dying: boolean
  /**
   * The eventfd of a worker that waits in the kernel, and of its successors; −1: it needs no wake.
   */
  wakeFd: number
  startedMs: number
  /** Waits for what it listens with. */
  onSockets: (sockets: readonly ListeningSocket[]) => void
  restartMs: number
  restart: NodeJS.Timeout | undefined
  drained: Drained
  ended: PromiseWithResolvers<void>
}

export const newWorker = (): Worker => ({
  state: 'starting',
  generation: 0,
  failures: [],
  adopted: { generation: 0, endpointsRevision: 0, clientsRevision: 0 },
  port: null,
  dying: false,
  wakeFd: -1,
  startedMs: 0,
  onSockets: () => {},
  restartMs: RESTART_FIRST_MS,
  restart: undefined,
  drained: { closed: 0, reset: 0 },
  ended: Promise.withResolvers(),
})

export function rouse({ wakeFd }: Worker): void {
  if (wakeFd >= 0) wake(wakeFd)
}

export function settle(worker: Worker): void {
  worker.state = 'ended'
  worker.ended.resolve()
}

/** Handles a worker's report; returns an event if others need to know. */
export function hear(
  worker: Worker,
  report: Report,
): Exclude<Report, { kind: 'drained' | 'waiting' | 'sockets' }> | null {
  switch (report.kind) {
    case 'drained':
      worker.drained = report
      return null
    case 'waiting':
      worker.wakeFd = report.wakeFd
      rouse(worker) // for earlier orders
      return null
    case 'sockets':
      worker.onSockets(report.sockets)
      return null
    case 'adopted': {
      const { kind, ...adopted } = report
      worker.adopted = adopted
      return report
    }
    case 'listening':
      worker.generation = report.generation
      worker.failures = report.failures
      if (worker.state === 'starting' && report.failures.length === 0) worker.state = 'accepting'
      return report
    default:
      return unreachable(report)
  }
}

/** The pause before a worker that lived so long is replaced. */
export function pauseAfter(worker: Worker, livedMs: number): number {
  const restartMs = livedMs >= HEALTHY_MS ? RESTART_FIRST_MS : worker.restartMs
  worker.restartMs = Math.min(restartMs * 2, RESTART_MOST_MS)
  return restartMs
}

/** What came of their connections. */
export const sumDrained = (workers: readonly Worker[]): Drained => ({
  closed: workers.reduce((sum, { drained }) => sum + drained.closed, 0),
  reset: workers.reduce((sum, { drained }) => sum + drained.reset, 0),
})
