/**
 * The history of reloads and their outcomes, newest first.
 *
 * The counts by outcome are kept for ever, the findings only of the last reloads.
 */

import { wallTime } from '../../base/clock.ts'
import type { Diagnostic, Severity } from '../../config/findings/diagnostic.ts'
import type { SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import type { ChangedFile } from '../compile/changed-files.ts'
import type { Compiled } from '../compile/compiled.ts'
import type { Verdict, Weighed } from '../guard/reload-guard.ts'
import { type Changes, changedKeys } from './changes.ts'
import { HistoryFile } from './history-file.ts'
import { type Entry, type Snapshot, snapshotOf, Timeline } from './timeline.ts'

/** Reloads that are kept. */
export const RELOADS_MAX = 64
/** Findings kept of each, the worst first; and names of what it changed, of each kind. */
export const FINDINGS_MAX = 100
const TITLES_MAX = 100

/**
 * taken: served now. refused: it had errors. guarded: it would have taken something from
 * connections. emptied: files with resources had become empty. failed: our bug.
 */
export const OUTCOMES = ['taken', 'refused', 'guarded', 'emptied', 'failed'] as const
type Outcome = (typeof OUTCOMES)[number]

type Reload = {
  /** Counted from 1, the first configuration. */
  readonly number: number
  readonly at: string
  readonly outcome: Outcome
  /** The generation served after it. */
  readonly generation: number
  readonly totalMs: number
  readonly stagesMs: Readonly<Record<string, number>>
  readonly resources: Changes & { readonly more: number }
  readonly listeners: Omit<Changes, 'changed'>
  readonly errors: number
  readonly warnings: number
  readonly findings: readonly Diagnostic[]
  /** Of the files: what `weir reload --accept` takes. null if they were not read. */
  readonly checksum: string | null
  /** What connections lose by it, or would have lost; null: nothing. */
  readonly loses: Weighed | null
  /** Other causes: the empty files, our bug. */
  readonly note: string | null
  /** The files that differ from those of the configuration before. */
  readonly files: readonly ChangedFile[]
  /** Who asked for it, and why, if they said; null: the files have changed. */
  readonly reason: string | null
  /** What it changed and did, of a former process; null: see the timeline. */
  readonly did: Entry | null
}

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info']

export const worstFirst = (diagnostics: readonly Diagnostic[]): Diagnostic[] =>
  diagnostics.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))

type Totals = () => readonly Total<SeriesName>[]

export class History {
  /** The count of each outcome, since the start. */
  readonly counts: Record<Outcome, number> = { taken: 0, refused: 0, guarded: 0, emptied: 0, failed: 0 }
  /** Wall-clock milliseconds; 0: never. */
  lastTakenMs = 0
  /** Whether weir serves the files as they were when last read. */
  isCurrent = true
  isClosed = false
  readonly timeline = new Timeline()
  #file: HistoryFile<Reload> | null = null
  #reloads: readonly Reload[] = []
  #number = 0

  /** The last ones, newest first. */
  get reloads(): readonly Reload[] {
    return this.#reloads
  }

  /**
   * Goes on where an earlier process ended, and keeps the history in `folder`; null: in no folder.
   */
  restore(folder: string | null): void {
    if (folder === null) return
    this.#file = new HistoryFile<Reload>(folder)
    this.#reloads = this.#file.read().slice(0, RELOADS_MAX)
    this.#number = this.#reloads[0]?.number ?? 0
  }

  /** With what they did, up to now. */
  shown(limit: number, totals: Totals): Reload[] {
    let counts: Snapshot | null = null
    const once = (): Snapshot => {
      counts ??= snapshotOf(totals())
      return counts
    }
    return this.#reloads
      .slice(0, limit)
      .map(each => ({ ...each, did: each.did ?? this.timeline.entry(each.number, once) }))
  }

  /** Why the reload that took the files of `checksum` was asked for. */
  explain(checksum: string, reason: string): void {
    const [last, ...others] = this.#reloads
    if (last?.checksum === checksum && last.reason === null) this.#reloads = [{ ...last, reason }, ...others]
  }

  /** Writes it to its folder; an error is the operator's: the reason, or null. */
  save(totals: Totals): string | null {
    return this.#file?.write(this.shown(RELOADS_MAX, totals)) ?? null
  }

  close(totals: Totals): void {
    if (!this.isClosed) this.save(totals)
    this.isClosed = true
  }

  /** The files equal the served configuration again. */
  unchanged(): void {
    this.isCurrent = true
  }

  /** A configuration was read, and accepted or refused. */
  add(
    outcome: 'taken' | 'refused' | 'guarded',
    generation: number,
    before: Compiled | null,
    after: Compiled,
    changes: Changes,
    stages: Readonly<Record<string, number>>,
    verdict: Verdict | null,
  ): void {
    const findings = [...(verdict?.findings ?? []), ...after.diagnostics]
    const count = (severity: Severity) => findings.filter(each => each.severity === severity).length
    this.#remember({
      outcome,
      generation,
      totalMs: round(Object.values(stages).reduce((sum, ms) => sum + ms, 0)),
      stagesMs: Object.fromEntries(Object.entries(stages).map(([stage, ms]) => [stage, round(ms)])),
      resources: fewTitles(changes),
      listeners: changedKeys(keysOf(before), outcome === 'taken' ? keysOf(after) : keysOf(before)),
      errors: count('error'),
      warnings: count('warning'),
      findings: worstFirst(findings).slice(0, FINDINGS_MAX),
      checksum: after.checksum,
      loses: verdict?.weighed ?? null,
      note: verdict?.text ?? null,
      files: after.changedFiles,
    })
  }

  /** No configuration came of it. */
  addNote(outcome: 'emptied' | 'failed', generation: number, note: string): void {
    const nothing = { added: [], changed: [], removed: [] }
    this.#remember({
      outcome,
      generation,
      note,
      totalMs: 0,
      stagesMs: {},
      errors: 0,
      warnings: 0,
      findings: [],
      resources: { ...nothing, more: 0 },
      listeners: { added: [], removed: [] },
      checksum: null,
      loses: null,
      files: [],
    })
  }

  #remember(reload: Omit<Reload, 'number' | 'at' | 'reason' | 'did'>): void {
    this.counts[reload.outcome]++
    this.#number++
    const at = wallTime()
    this.isCurrent = reload.outcome === 'taken'
    if (this.isCurrent) this.lastTakenMs = Date.parse(at)
    const remembered = { number: this.#number, at, ...reload, reason: null, did: null }
    this.#reloads = [remembered, ...this.#reloads].slice(0, RELOADS_MAX)
    this.timeline.forget(this.#number - RELOADS_MAX + 1)
  }
}

const keysOf = (compiled: Compiled | null): string[] => compiled?.listeners.map(each => each.key) ?? []

const round = (ms: number): number => Number(ms.toFixed(1))

/** The first titles of each kind, and the number of the others. */
function fewTitles(changes: Changes): Reload['resources'] {
  const few = {
    added: changes.added.slice(0, TITLES_MAX),
    changed: changes.changed.slice(0, TITLES_MAX),
    removed: changes.removed.slice(0, TITLES_MAX),
  }
  const count = ({ added, changed, removed }: Changes) => added.length + changed.length + removed.length
  return { ...few, more: count(changes) - count(few) }
}
