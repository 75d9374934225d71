/**
 * The messages between the supervisor (control/) and a worker (engine/worker/worker.ts).
 *
 * Orders go down a MessagePort and are announced by the epoch word, so that a worker whose thread
 * blocks in the kernel reads them with `receiveMessageOnPort` once it wakes. Reports come back up
 * the same port. Counts never travel here: they are in shared memory (stats/).
 */

import type { MessagePort } from 'node:worker_threads'
import type { World } from '../../base/world.ts'
import type { JournalMemory } from '../../stats/journal-memory.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import type { EngineLimits } from '../decide/decide.ts'
import type { Reader } from '../decide/reader.ts'

/** The engine kinds that a worker can run; `auto` is resolved before a worker starts. */
export type EngineKind = 'uring' | 'epoll' | 'node'

/** The data of a worker's thread before it has a task. */
export type Preload = { readonly engine?: EngineKind | undefined }

/** Everything a worker is given when it starts. */
export type WorkerTask = {
  readonly engine: EngineKind
  /** This worker's number, from 0; its row in the shared counts. */
  readonly index: number
  readonly workers: number
  /** One Int32: how much has been published. A worker compares it once per accepted connection. */
  readonly epoch: SharedArrayBuffer
  /** The writable counts, `Stats` (stats/stats.ts). */
  readonly stats: SharedArrayBuffer
  /** Connections of each source, `Sources` (stats/sources.ts); without it nobody is limited. */
  readonly sources?: SharedArrayBuffer
  /** What this worker writes down of its connections, `Journal` (journal.ts). */
  readonly journal: JournalMemory
  /** Connections that workers hand over to each other, `Inboxes` (inboxes.ts). */
  readonly inboxes: SharedArrayBuffer
  /** What the worker's thread has open: kernel/held.ts. */
  readonly held: SharedArrayBuffer
  readonly limits: EngineLimits
  /** Those that are in force now (limits.ts); without it, `limits` stay. */
  readonly limitsInForce?: SharedArrayBuffer
  /** Orders in, reports out. */
  readonly port: MessagePort
}

/** What a worker adds to its task, which no message can carry (worker.ts). */
export type EngineTask = WorkerTask & {
  readonly world: World
  /** Who hears connections before they are decided about; without it nothing is read. */
  readonly reader?: Reader
}

/** A part of the table that can be replaced while its generation is served. */
export type RevisedPart = 'endpoints' | 'clients'

export type Order =
  /** Route new connections by this table, and make the listeners what it says. */
  | {
      readonly kind: 'table'
      readonly epoch: number
      readonly generation: number
      readonly table: TableBuffers
    }
  /** Route by the same rules with another part: the listeners stay as they are. */
  | { readonly kind: RevisedPart; readonly epoch: number; readonly buffer: SharedArrayBuffer }
  /**
   * Stop accepting; let connections end; after `timeoutMs` reset those that are left, then report
   * `drained`.
   */
  | { readonly kind: 'drain'; readonly timeoutMs: number }
  /**
   * Reset these connections, each after its `afterMs` milliseconds (ascending), and keep serving:
   * rows of the journal with their ids.
   */
  | {
      readonly kind: 'close'
      readonly rows: Int32Array
      readonly ids: Float64Array
      readonly afterMs: Float64Array
      /**
       * Policies of this generation deny them: for each, 1 + the row of the rule that does. Without
       * it they are drained.
       */
      readonly denied?: { readonly generation: number; readonly policies: Int32Array }
    }
  /** Reset everything and end now. */
  | { readonly kind: 'stop' }

/** Which parts a worker decides by; of a generation 0 by none yet. */
export type Adopted = {
  readonly generation: number
  readonly endpointsRevision: number
  readonly clientsRevision: number
}

export type Report =
  /**
   * The worker's thread waits in the kernel: each order is to be followed by a wake of this eventfd
   * (kernel/wake.ts). A worker that follows in this one's place has the same. It is the receiver's
   * to close, once all workers have ended: closed any earlier, its number could be another file's
   * when a wake comes, from here or from another worker.
   */
  | { readonly kind: 'waiting'; readonly wakeFd: number }
  /**
   * Every listener of the generation accepts, but for those that failed; sent for each table, and
   * again when a retry changes that.
   */
  | { readonly kind: 'listening'; readonly generation: number; readonly failures: readonly ListenFailure[] }
  /** New connections are decided by this from now on. */
  | ({ readonly kind: 'adopted' } & Adopted)
  | { readonly kind: 'drained'; readonly closed: number; readonly reset: number }

export type ListenFailure = { readonly listener: string; readonly code: string; readonly message: string }
