/**
 * The messages between the supervisor (control/) and a worker (engine/worker/worker.ts).
 *
 * Orders go down a MessagePort and are announced by the epoch word, so that a worker whose thread
 * blocks in the kernel reads them with `receiveMessageOnPort` once it wakes. Reports come back up
 * the same port. Counts never travel here: they are in shared memory (stats/).
 */

import type { MessagePort } from 'node:worker_threads'
import type { World } from '../../base/world.ts'
import type { Memory } from '../../kernel/kernel.ts'
import type { JournalMemory } from '../../stats/journal-memory.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import type { TlsSecrets } from '../../tls/material.ts'
import type { Sessions } from '../../tls/session.ts'
import type { EngineLimits } from '../decide/decide.ts'
import type { Reader } from '../decide/reader.ts'

/** The engine kinds that a worker can run; `auto` is resolved before a worker starts. */
export type EngineKind = 'uring' | 'epoll' | 'node'

/** The data of a worker's thread before it has a task. */
export type Preload = { readonly engine?: EngineKind | undefined }

/** A worker's inputs at its start. */
export type WorkerTask = {
  readonly engine: EngineKind
  /** This worker's number, from 0; its row in the shared counts. */
  readonly index: number
  readonly workers: number
  /** One Int32: the number of publications. A worker compares it once per accepted connection. */
  readonly epoch: SharedArrayBuffer
  /** The writable counts, `Stats` (stats/stats.ts). */
  readonly stats: SharedArrayBuffer
  /**
   * Connections of each source, `Sources` (stats/sources.ts); without it there are no limits per
   * source.
   */
  readonly sources?: SharedArrayBuffer
  /** This worker's records of its connections, `Journal` (journal.ts). */
  readonly journal: JournalMemory
  /** Connections that workers hand over to each other, `Inboxes` (inboxes.ts). */
  readonly inboxes: SharedArrayBuffer
  /** What the worker's thread has open: kernel/held.ts. */
  readonly held: SharedArrayBuffer
  readonly limits: EngineLimits
  /** The limits in force (limits.ts); without it, `limits` stay. */
  readonly limitsInForce?: SharedArrayBuffer
  /** Orders in, reports out. */
  readonly port: MessagePort
}

/** The parts of a worker's task that no message can carry (worker.ts). */
export type EngineTask = WorkerTask & {
  readonly world: World
  /** Reads from connections before the decision; without it nothing is read. */
  readonly reader?: Reader
  /** Opens TLS sessions whose bytes are in this memory; without it there is no TLS. */
  readonly tls?: (memory: Pick<Memory, 'u8'>) => Sessions
}

/** A part of the table that can be replaced while its generation is served. */
export type RevisedPart = 'endpoints' | 'clients'

export type Order =
  /** Route new connections by this table, and open and close listeners to match it. */
  | {
      readonly kind: 'table'
      readonly epoch: number
      readonly generation: number
      readonly table: TableBuffers
      /** What it asks for; absent: what there is already. */
      readonly secrets?: TlsSecrets
    }
  /** Other certificates and keys; connections go on with what they have. */
  | { readonly kind: 'secrets'; readonly epoch: number; readonly secrets: TlsSecrets }
  /** Route by the same rules with another part: the listeners stay as they are. */
  | { readonly kind: RevisedPart; readonly epoch: number; readonly buffer: SharedArrayBuffer }
  /**
   * Another process has opened these: use them for the first table, which comes next, and accept
   * nothing before `accept`.
   */
  | { readonly kind: 'inherit'; readonly sockets: InheritedSockets }
  | { readonly kind: 'accept' }
  /** Report `sockets`. */
  | { readonly kind: 'sockets' }
  /**
   * Stop accepting; let connections end; after `timeoutMs` reset the rest, then report `drained`.
   * Another process goes on with the sockets that are `shared`.
   */
  | { readonly kind: 'drain'; readonly timeoutMs: number; readonly shared?: readonly ListeningSocket[] }
  /**
   * Reset these connections, each after its `afterMs` milliseconds (ascending), and keep serving:
   * rows of the journal with their ids.
   */
  | {
      readonly kind: 'close'
      readonly rows: Int32Array
      readonly ids: Float64Array
      readonly afterMs: Float64Array
      /** A `Reason`; absent: `drain`. */
      readonly reason?: number
      /**
       * For each, 1 + the row of the rule of this generation that denies it. Without it, they are
       * drained.
       */
      readonly denied?: { readonly generation: number; readonly policies: Int32Array }
    }
  /** Reset everything and end now. */
  | { readonly kind: 'stop' }

/** The parts that a worker decides by; generation 0: none yet. */
export type Adopted = {
  readonly generation: number
  readonly endpointsRevision: number
  readonly clientsRevision: number
}

export type Report =
  /**
   * The worker's thread waits in the kernel: each order needs a wake of this eventfd
   * (kernel/wake.ts). The worker's successor uses the same one. The receiver closes it after all
   * workers have ended: if it were closed earlier, its number could be another file's when a wake
   * comes, from here or from another worker.
   */
  | { readonly kind: 'waiting'; readonly wakeFd: number }
  /**
   * Every listener of the generation accepts, except for those that failed; sent for each table,
   * and again when a retry changes that.
   */
  | { readonly kind: 'listening'; readonly generation: number; readonly failures: readonly ListenFailure[] }
  /** From now on these parts decide about new connections. */
  | ({ readonly kind: 'adopted' } & Adopted)
  | { readonly kind: 'sockets'; readonly sockets: readonly ListeningSocket[] }
  | { readonly kind: 'drained'; readonly closed: number; readonly reset: number }

export type ListenFailure = { readonly listener: string; readonly code: string; readonly message: string }

/** A socket that accepts: `bind` and port as in the table, with a space between, and its number. */
export type ListeningSocket = { readonly place: string; readonly fd: number }

/**
 * By place, the sockets that a worker takes over; none: others have those, and it opens one of its
 * own once it accepts.
 */
export type InheritedSockets = readonly { readonly place: string; readonly fds: readonly number[] }[]
