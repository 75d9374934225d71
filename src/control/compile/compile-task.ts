/**
 * The compiling thread's task: files → resources → Plan → table, all off the main thread.
 *
 * The answer is plain data, so that reading 100 000 rules holds back neither health checks nor the
 * watch. When nothing has changed since `previous` (the same bytes, the same resolved names) no
 * work is done.
 */

import { hash } from 'node:crypto'
import { flushCompileCache } from 'node:module'
import { monotonicMs } from '../../base/clock.ts'
import { type Loaded, loadConfig } from '../../config/load.ts'
import { LoadMemory } from '../../config/load-memory.ts'
import type { Live } from '../../config/plan/live-clusters.ts'
import { readSources, restedMs, type SourceFile } from '../../source/files/files.ts'
import { BuildMemory, buildTable } from '../../table/build/builder.ts'
import { openTable, type Table } from '../../table/format/table.ts'
import { doubtsOf, type Reading } from '../guard/doubts.ts'
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
import { changedFiles } from './changed-files.ts'
import { checksumOf, digestOfBoth } from './checksum.ts'
import { checkedClusters, compiledLive, namedClusters } from './cluster-rows.ts'
import { collectIfLarge } from './collect.ts'
import { type CompareTask, compareTask, type PublishedChanges } from './compare-task.ts'
import type { Behind, Compiled, CompileTask, Rotated, Served } from './compiled.ts'
import { mirrorWith } from './mirror.ts'
import { bytesOf, MANY_BYTES, prepareDocuments } from './prepare-documents.ts'
import { ReadCredentials } from './read-credentials.ts'
import { slotsFor } from './slots.ts'
import { StoredDocuments } from './stored-documents.ts'
import { FIRST, type Result, StoredResults, toStore } from './stored-results.ts'

/** What was read, and may be half of a later change; see `remembered`. */
type Memory = Reading & {
  readonly checksum: string
  readonly filesChecksum: string
  readonly live: Live
  readonly snapshot: Snapshot | null
  /** Of a Plan; null without one. */
  readonly digests: Digests | null
}

/** The part of it that a later process cannot have from the files or the answer. */
type Keeps = Omit<Memory, 'files' | 'resources'>

/** What documents were read as, the last time. */
const memory = new LoadMemory()

/** The last table. */
const tables = new BuildMemory()

/** What is served, and what was read last and may be served next; kept only in this thread. */
let remembered: readonly Memory[] = []

/** What is to be stored for the next start, once the answer is in use. */
let toWrite: (() => void)[] = []

/**
 * The bytes of the files and of an API's objects, and those at the last collection. As long as
 * there are about as many, a change gives nothing large up.
 */
let sizes: { readonly now: number | null; readonly before: number | null } = { now: null, before: null }
const LESS = 0.9

/**
 * What the compiling thread runs: a compilation, or a comparison of what was published.
 *
 * @param many  Bytes of files from which on a result is stored, for tests.
 */
export default async function runTask(
  task: CompileTask | CompareTask | 'collect',
  many = MANY_BYTES,
): Promise<Compiled | Rotated | PublishedChanges | Behind | null> {
  if (task !== 'collect') return 'sources' in task ? compileTask(task, many) : compareTask(task)
  writeAll()
  const { now, before } = sizes
  const mayWait = now !== null && before !== null && now > before * LESS
  if (collectIfLarge(mayWait)) sizes = { now, before: now }
  return null
}

/** In a frame of its own: V8 would find what it held, the whole Plan, in that of a collection. */
function writeAll(): void {
  for (const write of toWrite.splice(0)) write()
}

/** The new configuration, or null if it equals `previous`. */
async function compileTask(task: CompileTask, many: number): Promise<Compiled | Rotated | Behind | null> {
  const startedMs = monotonicMs()
  const mirror = task.objects && mirrorWith(task.objects)
  if (task.objects && mirror === null) return 'behind'
  const { files, unread } = readSources(task.sources)
  const rested = restedMs(task.sources) // after reading, so that later writes are noticed
  const filesChecksum = checksumOf(files)
  const checksum = mirror ? digestOfBoth(filesChecksum, mirror.checksum) : filesChecksum
  const readMs = monotonicMs() - startedMs
  if (checksum === task.previous) return rotated(checksum)
  sizes = { ...sizes, now: bytesOf(files) + (mirror?.length ?? 0) }
  toWrite = []
  const results = mirror === null && bytesOf(files) >= many ? resultsOf(task) : null
  const inputs = hash('sha256', JSON.stringify([checksum, unread, [...task.around.names]]))
  const known = task.generation === FIRST && task.served === null ? results?.read(inputs, task) : null
  if (known) {
    const { compiled, keeps, table } = known
    remembers = { checksum, credentials: new ReadCredentials() }
    remembered = [{ ...keeps, files, resources: compiled.resources }]
    const stages = { read: monotonicMs() - startedMs, parse: 0, validate: 0, plan: 0, lint: 0, build: 0 }
    return { ...compiled, table, restedMs: rested, stages }
  }
  const credentials = new ReadCredentials()
  const { inspect } = credentials
  const stored = task.cache === null ? null : new StoredDocuments(task.cache, task.sources.paths)
  const isNew = await prepareDocuments(files, memory.documents, stored)
  const preparedMs = monotonicMs() - startedMs - readMs
  const from = task.sources.paths[0]
  const asked = { ...task.around, unread, from, inspect, memory, objects: mirror?.entries }
  const loaded = loadConfig(files, asked)
  if (loaded.plan) mirror?.good(loaded.leftOut)
  const { plan, stages, defines, credentials: _, ...kept } = loaded
  remembers = { checksum, credentials }
  const buildStartedMs = monotonicMs()
  const { slotOf, overflowed } = slotsFor(task, task.generation)
  const built = plan && openTable(buildTable(plan, task.generation, slotOf, tables))
  const snapshot = plan && built && snapshotOf(plan, built, loaded.resources)
  const digests = plan && built && digestsOf(plan, built, loaded.settings, rowsOf(loaded.live))
  const before = remembered.find(each => each.checksum === task.served?.checksum)
  const keeps: Keeps = { checksum, filesChecksum, live: loaded.live, snapshot, digests }
  const after = { ...keeps, files, resources: loaded.resources }
  const compared = compare(task.served, after, built, defines)
  const onlyObjects = mirror !== null && before?.filesChecksum === filesChecksum
  if (isNew && stored) toWrite.push(() => stored.write(memory.documents.all))
  flushCompileCache() // the code of all stages, after the first time; later there is nothing to write
  const compiled: Compiled = {
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
    resolved: task.around.names,
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
  if (results && built && isStorable(loaded)) {
    const storing = toStore({ compiled: asFirst(compiled), keeps }, built.buffers, task.generation, task)
    toWrite.push(() => results.write(inputs, storing))
  }
  return compiled
}

const resultsOf = ({ cache, sources }: CompileTask): StoredResults<Keeps> | null =>
  cache === null ? null : new StoredResults(cache, sources.paths)

/** Certificates may change while files do not, and nothing of a Secret is stored. */
const isStorable = ({ credentials, resources }: Loaded): boolean =>
  credentials.length === 0 && resources.every(each => !each.title.startsWith('Secret '))

/** As it is where nothing was served before. */
function asFirst({ table: _, restedMs: __, stages: ___, ...compiled }: Compiled): Result<Keeps>['compiled'] {
  const nothing = { clients: null, losses: null, onlyObjects: false, decidesTheSame: false }
  return { ...compiled, ...nothing, changedFiles: [], doubts: [], vanished: [] }
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

const isEmpty = ({ bytes }: SourceFile): boolean => !(bytes instanceof Error) && bytes.length === 0
