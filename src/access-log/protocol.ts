/**
 * The messages between the main thread (control/observe/access-log.ts) and the access log's thread
 * (task.ts).
 */

import type { MessagePort } from 'node:worker_threads'
import type { GenerationsState } from '../stats/generations.ts'
import type { JournalMemory } from '../stats/journal-memory.ts'
import type { TableBuffers } from '../table/format/table.ts'
import type { Trouble } from './sink.ts'

type LogFormat = 'json' | 'text'

export type AccessLogTask = {
  readonly journals: readonly JournalMemory[]
  /** null: standard output. */
  readonly path: string | null
  readonly format: LogFormat
  /** The interval of lines for open connections; 0: none. */
  readonly everyMs: number
  /** The names of connections so far. */
  readonly known: GenerationsState
  /** Orders in, reports out. */
  readonly port: MessagePort
}

export type LogOrder =
  /** A table is about to be published. */
  | { readonly kind: 'table'; readonly table: TableBuffers }
  /** The clients part of the newest table is about to be replaced. */
  | { readonly kind: 'clients'; readonly clients: SharedArrayBuffer }
  /** Reopen the file. */
  | { readonly kind: 'reopen' }
  /** No more records follow: write the rest, and end. */
  | { readonly kind: 'end' }

/** Lines that could not be written, and why; sent when it changes. */
export type LogReport = { readonly lost: number; readonly trouble: Trouble | null }
