/**
 * The comparing thread's task (differ.ts): what would change if these files were served instead.
 *
 * The files come as the admin listener received them, since parsing megabytes of JSON takes time
 * too. Nothing is published, and no slot is allocated. Live connections are read from the workers'
 * shared memory.
 */

import type { ApiEntry } from '../../config/api-objects.ts'
import { type JsonMessage, toReport } from '../../config/findings/render.ts'
import type { ResolvedNames } from '../../config/load.ts'
import { loadConfig, type SourceFile } from '../../config/load.ts'
import { type ApiObject, objectKey } from '../../config/text/read-objects.ts'
import { Generations, type GenerationsState } from '../../stats/generations.ts'
import { LiveConnections } from '../../stats/live-connections.ts'
import { buildTable } from '../../table/build/builder.ts'
import { compareTables, type RuleChange, type TableChanges } from '../../table/explain/compare.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import { openTable } from '../../table/format/table.ts'
import { type Replayed, replay } from '../guard/replay.ts'

/** Changes that are listed one by one; there may be as many as rules. */
const CHANGES_MAX = 1_000

export type DiffTask = {
  /** `{"files": [{"path": "a.yaml", "text": "…"}]}`, and `objects` of a Kubernetes API. */
  readonly body: Uint8Array<ArrayBuffer>
  readonly names: ResolvedNames
  readonly table: TableBuffers
  /** The live connections of each worker: stats/connections.ts. */
  readonly live: readonly SharedArrayBuffer[]
  readonly generations: GenerationsState
}

export type Diff = {
  readonly valid: boolean
  readonly errors: number
  readonly warnings: number
  readonly findings: readonly JsonMessage[]
  /** null if invalid. */
  readonly changes: Changes | null
}

type Changes = {
  readonly listeners: TableChanges['listeners']
  readonly rules: {
    readonly added: number
    readonly removed: number
    readonly changed: number
    readonly reordered: number
    /** The first of them. */
    readonly list: readonly RuleChange[]
  }
  readonly destinations: TableChanges['destinations']
  readonly policies: TableChanges['policies']
  readonly connections: Replayed
}

/** The answer, or a message why the body is unusable. */
export default function diffTask({
  body,
  names,
  table,
  ...task
}: DiffTask): Diff | { readonly wrong: string } {
  const read = readBody(body)
  if (typeof read === 'string') return { wrong: read }
  const { plan, diagnostics } = loadConfig(read.files, { names, objects: read.objects })
  const { valid: isClean, errors, warnings, messages } = toReport(diagnostics)
  const valid = isClean || plan !== null // a wrong object of an API is left out
  const findings = messages.slice(0, CHANGES_MAX)
  if (plan === null) return { valid, errors, warnings, findings, changes: null }
  const running = openTable(table)
  const candidate = openTable(buildTable(plan, running.generation + 1, () => 0))
  const live = new LiveConnections(task.live)
  const { listeners, rules, reordered, destinations, policies } = compareTables(running, candidate)
  const count = (change: RuleChange['change']) => rules.filter(each => each.change === change).length
  return {
    valid,
    errors,
    warnings,
    findings,
    changes: {
      listeners,
      rules: {
        added: count('added'),
        removed: count('removed'),
        changed: count('changed'),
        reordered,
        list: rules.slice(0, CHANGES_MAX),
      },
      destinations: destinations.slice(0, CHANGES_MAX),
      policies: policies.slice(0, CHANGES_MAX),
      connections: replay(live, new Generations(live, null, task.generations), candidate),
    },
  }
}

type Body = { readonly files: SourceFile[]; readonly objects?: ApiEntry[] | undefined }

function readBody(body: Uint8Array): Body | string {
  let fields: Readonly<Record<string, unknown>>
  try {
    fields = Object(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)))
  } catch {
    return 'the body is not JSON'
  }
  const { files, objects } = fields
  if (!Array.isArray(files) || !files.every(isFile)) return 'files is not a list of {"path", "text"}'
  if (objects !== undefined && !(Array.isArray(objects) && objects.every(isObject)))
    return 'objects is not a list of {"apiVersion", "kind", "metadata": {"name"}}'
  const bytes = new TextEncoder()
  return {
    files: files.map(({ path, text }) => ({ file: path, bytes: bytes.encode(text) })),
    objects: objects?.map(object => ({ key: objectKey(object), object, lastGood: null })),
  }
}

function isFile(value: unknown): value is { path: string; text: string } {
  const { path, text } = Object(value)
  return typeof path === 'string' && typeof text === 'string'
}

function isObject(value: unknown): value is ApiObject {
  const { apiVersion, kind, metadata } = Object(value)
  return [apiVersion, kind, Object(metadata).name].every(each => typeof each === 'string')
}
