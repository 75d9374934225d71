/**
 * The compiling thread's task: files → resources → Plan → table, all off the main thread.
 *
 * The answer is plain data, so that reading 100 000 rules holds back neither health checks nor the
 * watch. When nothing has changed since `previous` (the same bytes, the same resolved names) no
 * work is done.
 */

import { createHash } from 'node:crypto'
import { flushCompileCache } from 'node:module'
import { monotonicMs } from '../../base/clock.ts'
import { keyedDigest } from '../../base/keyed-digest.ts'
import type { LeftOut } from '../../config/api-objects.ts'
import type { Diagnostic } from '../../config/findings/diagnostic.ts'
import type { ResourceStatus } from '../../config/gateway-api/status/statuses.ts'
import { type LoadedResource, loadConfig, type ResolvedNames } from '../../config/load.ts'
import type { Live } from '../../config/plan/live-clusters.ts'
import type { Settings } from '../../config/settings/settings.ts'
import { DocumentMemory } from '../../config/text/document-memory.ts'
import { maySecret } from '../../config/text/secret-text.ts'
import type { ReadCredential } from '../../source/credentials/credentials.ts'
import { readSources, restedMs, type SourceFile, type Sources } from '../../source/files/files.ts'
import type { ObjectUpdate } from '../../source/kubernetes/store.ts'
import { buildTable } from '../../table/build/builder.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import { openTable, type Table, type TableListener } from '../../table/format/table.ts'
import type { CheckedCluster } from '../../table/plan/health-check.ts'
import type { Removal } from '../../table/plan/removal.ts'
import type { NamedCluster } from '../endpoint-changes.ts'
import { doubtsOf, type Reading } from '../guard/doubts.ts'
import type { Losses } from '../guard/loss.ts'
import { findLosses } from '../guard/losses.ts'
import { type Snapshot, snapshotOf, unservedRules } from '../guard/snapshot.ts'
import { accessText } from './access-text.ts'
import {
  clientsAfter,
  type Digests,
  differInSecrets,
  differNowhere,
  differOnlyInClients,
  digestsOf,
} from './beside-clients.ts'
import { type ChangedFile, changedFiles } from './changed-files.ts'
import { type CompiledLive, checkedClusters, compiledLive, namedClusters } from './cluster-rows.ts'
import { collectIfLarge } from './collect.ts'
import { type CompareTask, compareTask, type PublishedChanges } from './compare-task.ts'
import { mirrorWith } from './mirror.ts'
import { prepareDocuments } from './prepare-documents.ts'
import { ReadCredentials } from './read-credentials.ts'
import { type SlotMemory, slotsFor } from './slots.ts'
import { StoredDocuments } from './stored-documents.ts'

export type CompileTask = SlotMemory & {
  /** Where what was read is kept for the next process; null: nowhere. */
  readonly cache: string | null
  readonly sources: Sources
  /** What a Kubernetes API has, since the last task; null: no API is read. */
  readonly objects: ObjectUpdate | null
  readonly names: ResolvedNames
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

/** Earlier changes of the API's objects never came to this thread: it wants everything. */
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
  /** Whether the files are those of what is served: only the API has changed. */
  readonly onlyObjects: boolean
  /**
   * Whether only Secrets differ from what is served, or, in an API, what decides nothing: labels of
   * no use, a wrong resource whose last good version stays.
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

/** What was read, and may be half of a later change; see `remembered`. */
type Memory = Reading & {
  readonly checksum: string
  readonly filesChecksum: string
  readonly live: Live
  readonly snapshot: Snapshot | null
  /** Of a Plan; null without one. */
  readonly digests: Digests | null
}

/** What documents were read as, the last time. */
const memory = new DocumentMemory()

/** What is served, and what was read last and may be served next; kept only in this thread. */
let remembered: readonly Memory[] = []

/** What the compiling thread runs: a compilation, or a comparison of what was published. */
export default async function runTask(
  task: CompileTask | CompareTask | 'collect',
): Promise<Compiled | Rotated | PublishedChanges | Behind | null> {
  if (task !== 'collect') return 'sources' in task ? compileTask(task) : compareTask(task)
  collectIfLarge()
  return null
}

/** The new configuration, or null if it equals `previous`. */
async function compileTask(task: CompileTask): Promise<Compiled | Rotated | Behind | null> {
  const startedMs = monotonicMs()
  const mirror = task.objects && mirrorWith(task.objects)
  if (task.objects && mirror === null) return 'behind'
  const { files, unread } = readSources(task.sources)
  const rested = restedMs(task.sources) // after reading, so that later writes are noticed
  const filesChecksum = checksumOf(files)
  const checksum = mirror ? digestOfBoth(filesChecksum, mirror.checksum) : filesChecksum
  const readMs = monotonicMs() - startedMs
  if (checksum === task.previous) return rotated(checksum)
  const credentials = new ReadCredentials()
  const { inspect } = credentials
  const stored = task.cache === null ? null : new StoredDocuments(task.cache, task.sources.paths)
  const isNew = await prepareDocuments(files, memory, stored)
  const preparedMs = monotonicMs() - startedMs - readMs
  const loaded = loadConfig(files, { names: task.names, unread, inspect, memory, objects: mirror?.entries })
  if (loaded.plan) mirror?.good(loaded.leftOut)
  const { plan, stages, defines, credentials: _, ...kept } = loaded
  remembers = { checksum, credentials }
  const buildStartedMs = monotonicMs()
  const { slotOf, overflowed } = slotsFor(task, task.generation)
  const built = plan && openTable(buildTable(plan, task.generation, slotOf))
  const snapshot = plan && built && snapshotOf(plan, built, loaded.resources)
  const digests = plan && digestsOf(plan, loaded.settings, rowsOf(loaded.live))
  const before = remembered.find(each => each.checksum === task.served?.checksum)
  const compared = compare(
    task.served,
    { files, resources: loaded.resources, checksum, filesChecksum, live: loaded.live, snapshot, digests },
    built,
    defines,
  )
  const onlyObjects = mirror !== null && before?.filesChecksum === filesChecksum
  if (isNew) stored?.write(memory.all)
  flushCompileCache() // the code of all stages, after the first time; later there is nothing to write
  return {
    ...kept,
    checksum,
    table: built?.buffers ?? null,
    onlyObjects,
    decidesTheSame:
      digests !== null &&
      differNowhere(before?.digests ?? null, digests) &&
      (onlyObjects || differInSecrets(before?.resources ?? [], loaded.resources)),
    credentials: credentials.list,
    clients:
      plan && task.served && digests && differOnlyInClients(before?.digests ?? null, digests)
        ? clientsAfter(openTable(task.served.table), plan)
        : null,
    listeners: built?.sockets.filter(socket => socket.opens) ?? [],
    emptyFiles: files.filter(each => isEmpty(each)).map(each => each.file),
    changedFiles: before ? changedFiles(before.files, files) : [],
    restedMs: rested,
    ...compared,
    access: plan ? accessText(plan) : '',
    unserved: snapshot ? unservedRules(snapshot) : 0,
    uncounted: overflowed(),
    resolved: task.names,
    live: compiledLive(plan, loaded.live, before?.live ?? null, task.objects?.to ?? 0),
    named: plan ? namedClusters(plan) : [],
    checked: plan ? checkedClusters(plan) : [],
    removals: plan?.removals ?? [],
    vanished: task.served?.closing.filter(each => !isDefined(each, defines)) ?? [],
    stages: {
      read: readMs,
      ...stages,
      parse: preparedMs + stages.parse,
      build: monotonicMs() - buildStartedMs,
    },
  }
}

/** What the files named that were read last. */
let remembers: { readonly checksum: string; readonly credentials: ReadCredentials } | null = null

/** The certificates of these files, if they have changed since; null: nothing has. */
function rotated(checksum: string): Rotated | null {
  const again = remembers?.checksum === checksum ? remembers.credentials.again() : null
  return again && { checksum, rotated: again }
}

/** Compares what was read with what is served, and keeps it for later comparisons. */
function compare(
  served: Served | null,
  after: Memory,
  table: Table | null,
  defines: (host: string) => boolean,
): Pick<Compiled, 'losses' | 'doubts'> {
  const before = remembered.find(each => each.checksum === served?.checksum)
  remembered = before && before.checksum !== after.checksum ? [before, after] : [after]
  if (served === null || served.checksum === after.checksum) return { losses: null, doubts: [] }
  const losses =
    table && after.snapshot
      ? findLosses(
          {
            table: openTable(served.table),
            snapshot: before?.snapshot ?? null,
            resources: before?.resources ?? [],
          },
          { table, snapshot: after.snapshot, resources: after.resources },
          defines,
        )
      : null
  const isOfFiles = before?.filesChecksum !== after.filesChecksum
  return { losses, doubts: isOfFiles ? doubtsOf(before ?? after, after, losses) : [] }
}

/** @param place  "host:port". */
function isDefined(place: string, defines: (host: string, port: number) => boolean): boolean {
  const colon = place.lastIndexOf(':')
  return defines(place.slice(0, colon), Number(place.slice(colon + 1)))
}

const rowsOf = ({ clusters }: Live): ReadonlySet<number> => new Set(clusters.map(each => each.cluster))

const digestOfBoth = (files: string, objects: string): string =>
  createHash('sha256').update(files).update(objects).digest('hex')

function checksumOf(files: readonly SourceFile[]): string {
  const digest = createHash('sha256')
  for (const part of files.flatMap(({ file, bytes }) => [file, contentOf(bytes)]))
    digest.update(`${part.length}:`).update(part)
  return digest.digest('hex')
}

/** Of Secrets only what nobody can guess them by: the checksum is shown. */
function contentOf(bytes: SourceFile['bytes']): string | Uint8Array {
  if (bytes instanceof Error) return bytes.message
  return maySecret(Buffer.from(bytes).toString('latin1')) ? keyedDigest([bytes]) : bytes
}

const isEmpty = ({ bytes }: SourceFile): boolean => !(bytes instanceof Error) && bytes.length === 0
