/** Whether the gateway serves, and what is missing if it does not. */

import type { ListenFailure } from '../engine/worker/protocol.ts'
import type { ClosedServer } from './credentials/keeper.ts'
import type { WorkerState, WorkerStatus } from './workers/worker-record.ts'

/**
 * Why a gateway is not ready: it ends, has nothing to serve, could not open a listener, has no
 * certificate for a server, does not know its cluster yet, or is not there yet.
 */
export const WHYS = [
  'draining',
  'no-listener',
  'listen-failed',
  'no-certificate',
  'awaits-kubernetes',
  'starting',
] as const
type Why = (typeof WHYS)[number]

/** Whether every listener accepts, and if not, what is missing. */
export type Readiness = {
  readonly ready: boolean
  /** The reason in a word; null if it is ready. */
  readonly why: Why | null
  readonly draining: boolean
  readonly generation: number
  readonly failures: readonly ListenFailure[]
  readonly waiting: readonly { readonly worker: number; readonly state: WorkerState }[]
  /** Servers that reset their clients, since they have no certificate; those of an API, too. */
  readonly closed: readonly ClosedServer[]
  /** What a start waits for, in words; '': nothing. */
  readonly awaits: string
}

type Looked = {
  readonly draining: boolean
  readonly generation: number
  /** The listeners of what is served, once workers run. */
  readonly hasListeners: boolean
  /** The workers; null before they are started. */
  readonly plane: { readonly ready: boolean; status(): readonly WorkerStatus[] } | null
  readonly closed: readonly ClosedServer[]
  readonly awaits: string
}

export function readinessOf(looked: Looked): Readiness {
  const { draining, generation, plane, closed, awaits } = looked
  const workers = plane?.status() ?? []
  const failures = new Map(workers.flatMap(each => each.failures).map(each => [each.listener, each]))
  const why = whyNot(looked, failures.size > 0)
  return {
    ready: why === null,
    why,
    draining,
    generation,
    failures: [...failures.values()],
    closed,
    awaits,
    waiting: workers.flatMap(({ worker, state }) => (state === 'accepting' ? [] : [{ worker, state }])),
  }
}

/** A listener that fails after a reload does not make the gateway unready; having none does. */
function whyNot({ draining, plane, hasListeners, closed, awaits }: Looked, hasFailures: boolean): Why | null {
  if (draining) return 'draining'
  if (plane && !hasListeners) return 'no-listener'
  if (plane?.ready) return closed.some(each => !each.onlyApi) ? 'no-certificate' : null
  if (hasFailures) return 'listen-failed'
  return awaits === '' ? 'starting' : 'awaits-kubernetes'
}

/** In words. */
export const stateText = ({
  ready,
  why,
}: {
  readonly ready: boolean
  readonly why: string | null
}): string => (ready ? 'ready' : why === 'draining' ? why : `not ready (${why})`)
