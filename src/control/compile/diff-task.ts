/**
 * The comparing thread's task (differ.ts): what would change if these files were served instead.
 *
 * The files come as the admin listener received them, since parsing megabytes of JSON takes time
 * too. Nothing is published, and no slot is allocated. Live connections are read from the workers'
 * shared memory.
 */

import { type JsonMessage, toReport } from '../../config/findings/render.ts'
import type { ResolvedNames } from '../../config/load.ts'
import { loadConfig, type SourceFile } from '../../config/load.ts'
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
  /** `{"files": [{"path": "a.yaml", "text": "…"}]}`. */
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
  const files = filesOf(body)
  if (typeof files === 'string') return { wrong: files }
  const { plan, diagnostics } = loadConfig(files, { names })
  const { valid, errors, warnings, messages } = toReport(diagnostics)
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

function filesOf(body: Uint8Array): SourceFile[] | string {
  try {
    const { files } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) ?? {}
    const isFile = (each: unknown): each is { path: string; text: string } => {
      const { path, text } = Object(each)
      return typeof path === 'string' && typeof text === 'string'
    }
    if (!Array.isArray(files) || !files.every(isFile)) return 'files is not a list of {"path", "text"}'
    const bytes = new TextEncoder()
    return files.map(({ path, text }) => ({ file: path, bytes: bytes.encode(text) }))
  } catch {
    return 'the body is not JSON'
  }
}
