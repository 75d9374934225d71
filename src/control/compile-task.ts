/**
 * The compiling thread's task: files → resources → Plan → table, all off the primary thread.
 *
 * The answer is plain data, so that reading 100 000 rules holds back neither health checks nor the watch.
 * When nothing has changed since `previous` (the same bytes, the same resolved names) no work is done.
 */

import { createHash } from 'node:crypto'
import { flushCompileCache } from 'node:module'
import { monotonicMs } from '../base/clock.ts'
import type { Diagnostic } from '../config/diagnostic.ts'
import { type LoadedResource, loadConfig, type ResolvedNames } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import { NO_COUNTS, Slots } from '../stats/slots.ts'
import { openStats, slotCounts } from '../stats/stats.ts'
import { buildTable } from '../table/builder.ts'
import { openTable, type TableListener } from '../table/table.ts'
import { readSources, restedMs, type SourceFile, type Sources } from './files.ts'

export type CompileTask = {
  readonly sources: Sources
  readonly names: ResolvedNames
  readonly generation: number
  /** `fingerprint` of the last answer; '' compiles in any case. */
  readonly previous: string
  readonly slots: SharedArrayBuffer
  /** The shared counts: a slot that still counts connections is not given away. null before workers run. */
  readonly stats: SharedArrayBuffer | null
}

/** How long each stage took, in milliseconds, in order. */
export type Stages = Readonly<Record<'read' | 'parse' | 'validate' | 'plan' | 'lint' | 'build', number>>

export type Compiled = {
  readonly fingerprint: string
  /** null when there are errors. */
  readonly table: SharedArrayBuffer | null
  readonly settings: Settings
  readonly diagnostics: readonly Diagnostic[]
  readonly resources: readonly LoadedResource[]
  readonly names: readonly string[]
  readonly listeners: readonly TableListener[]
  /** Files without a byte: perhaps just being written. */
  readonly emptyFiles: readonly string[]
  /** For how long all of it had been left alone when it was read. */
  readonly restedMs: number
  /** Endpoints, clusters and routes that found no slot for a count of their own. */
  readonly uncounted: number
  readonly stages: Stages
}

/** The new configuration, or null when it is the one of `previous`. */
export default function compileTask(task: CompileTask): Compiled | null {
  const startedMs = monotonicMs()
  const { files, unread } = readSources(task.sources)
  const rested = restedMs(task.sources) // after reading, so that what was written meanwhile is seen
  const fingerprint = fingerprintOf(files, task.names)
  const readMs = monotonicMs() - startedMs
  if (fingerprint === task.previous) return null
  const { plan, stages, ...loaded } = loadConfig(files, { names: task.names, unread })
  const buildStartedMs = monotonicMs()
  const slots = slotsFor(task)
  const table = plan && buildTable(plan, task.generation, slots.slotOf)
  const listeners = table === null ? [] : openTable(table).sockets.filter(socket => socket.opens)
  const buildMs = monotonicMs() - buildStartedMs
  const emptyFiles = files.filter(each => isEmpty(each)).map(each => each.file)
  flushCompileCache() // the code of all stages, after the first time; then there is nothing to write
  return {
    ...loaded,
    fingerprint,
    table,
    listeners,
    emptyFiles,
    restedMs: rested,
    uncounted: slots.overflowed,
    stages: { read: readMs, ...stages, build: buildMs },
  }
}

function slotsFor({ slots, generation, stats }: CompileTask): Slots {
  return new Slots(slots, generation, stats ? slotCounts(openStats(stats)) : NO_COUNTS)
}

function fingerprintOf(files: readonly SourceFile[], names: ResolvedNames): string {
  const digest = createHash('sha256')
  const parts = files.flatMap(({ file, bytes }) => [file, bytes instanceof Error ? bytes.message : bytes])
  for (const part of [...parts, JSON.stringify([...names])]) {
    digest.update(`${part.length}:`).update(part)
  }
  return digest.digest('hex')
}

const isEmpty = ({ bytes }: SourceFile): boolean => !(bytes instanceof Error) && bytes.length === 0
