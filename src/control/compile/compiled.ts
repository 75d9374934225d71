/** What the compiling thread is asked, and what it answers: plain data, which crosses threads. */

import type { LeftOut } from '../../config/api-objects.ts'
import type { Diagnostic } from '../../config/findings/diagnostic.ts'
import type { ResourceStatus } from '../../config/gateway-api/status/statuses.ts'
import type { LoadedResource, ResolvedNames, Surroundings } from '../../config/load.ts'
import type { Settings } from '../../config/settings/settings.ts'
import type { ReadCredential } from '../../source/credentials/credentials.ts'
import type { Sources } from '../../source/files/files.ts'
import type { ObjectUpdate } from '../../source/kubernetes/store.ts'
import type { TableBuffers, TableListener } from '../../table/format/table.ts'
import type { CheckedCluster } from '../../table/plan/health-check.ts'
import type { Removal } from '../../table/plan/removal.ts'
import type { NamedCluster } from '../endpoint-changes.ts'
import type { Losses } from '../guard/loss.ts'
import type { ChangedFile } from './changed-files.ts'
import type { CompiledLive } from './cluster-rows.ts'
import type { SlotMemory } from './slots.ts'

export type CompileTask = SlotMemory & {
  /** Where what was read is kept for the next process; null: nowhere. */
  readonly cache: string | null
  readonly sources: Sources
  /** What a Kubernetes API has, since the last task; null: no API is read. */
  readonly objects: ObjectUpdate | null
  readonly around: Surroundings
  readonly generation: number
  /** `checksum` of the last answer; '' always compiles. */
  readonly previous: string
  /** The served configuration, to compare the change with; null: none yet. */
  readonly served: Served | null
}

export type Served = {
  readonly checksum: string
  readonly table: TableBuffers
  /** Destinations whose connections end with their endpoint, as "host:port". */
  readonly closing: readonly string[]
}

/** The duration of each stage, in milliseconds, in order. */
export type Stages = Readonly<Record<'read' | 'parse' | 'validate' | 'plan' | 'lint' | 'build', number>>

/** The same files, with other certificates behind them. */
export type Rotated = { readonly checksum: string; readonly rotated: readonly ReadCredential[] }

/** This thread lacks earlier changes of the API's objects, and needs all of them. */
export type Behind = 'behind'

export type Compiled = {
  /** SHA-256 of files and objects alone; of those with a Secret, of a keyed digest. */
  readonly checksum: string
  /** null when there are errors. */
  readonly table: TableBuffers | null
  /**
   * What follows the clients part of the served table, where nothing but who clients are has
   * changed; null otherwise.
   */
  readonly clients: SharedArrayBuffer | null
  /** Objects of the API whose newest version is not served. */
  readonly leftOut: readonly LeftOut[]
  /** The status that each resource of Gateway API should have. */
  readonly statuses: readonly ResourceStatus[]
  /** Whether the files equal those that are served, so that only the API has changed. */
  readonly onlyObjects: boolean
  /**
   * Whether the change decides nothing: only Secrets differ, or, in an API, labels that no rule
   * asks for, or a wrong resource whose last good version stays.
   */
  readonly decidesTheSame: boolean
  /** What its certificates are read from, and what came of it. */
  readonly credentials: readonly ReadCredential[]
  readonly settings: Settings
  readonly diagnostics: readonly Diagnostic[]
  readonly resources: readonly LoadedResource[]
  readonly names: readonly string[]
  /** Those of which only the first address counts somewhere. */
  readonly namesInOrder: readonly string[]
  /** The addresses that they resolved to, as used for the endpoints of `table`. */
  readonly resolved: ResolvedNames
  /** What follows the endpoints of an API, with its changes up to `objects`. */
  readonly live: CompiledLive
  /** The clusters with such names. */
  readonly named: readonly NamedCluster[]
  /** The clusters whose endpoints are checked. */
  readonly checked: readonly CheckedCluster[]
  /** The destinations whose connections end with their endpoint. */
  readonly removals: readonly Removal[]
  /** Those of the served configuration that nothing defines any more, as "host:port". */
  readonly vanished: readonly string[]
  readonly listeners: readonly TableListener[]
  /** Files without a byte: perhaps still being written. */
  readonly emptyFiles: readonly string[]
  /** Those that differ from the served configuration's. */
  readonly changedFiles: readonly ChangedFile[]
  /** How long all files had been unchanged when they were read. */
  readonly restedMs: number
  /** What connections would lose compared with the served configuration; null: nothing. */
  readonly losses: Losses | null
  /** Why it may be half-written. */
  readonly doubts: readonly string[]
  /** Access control, in words for the log; '' if everybody may connect. */
  readonly access: string
  /** Rules with an undefined destination. */
  readonly unserved: number
  /** Endpoints, clusters and routes without a slot of their own. */
  readonly uncounted: number
  readonly stages: Stages
}
