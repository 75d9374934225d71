/**
 * Follows a reload: what it changed, in the log at once, and what it did, a minute later, whether
 * or not anybody watches.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { whereText } from '../../base/where-text.ts'
import type { SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import type { PublishedChanges } from '../compile/compare-task.ts'
import type { History } from './history.ts'
import type { Logger } from './log.ts'
import { type Period, type RuleEffect, snapshotOf } from './timeline.ts'

/** When its effect is logged. */
const EFFECT_MS = 60_000
/** Rules that the log names. */
const RULES_MAX = 10

/**
 * The last reload of `history` was just published.
 *
 * @param changes  Rejects if the gateway ends before they are known.
 */
export async function followReload(
  history: History,
  log: Logger,
  totals: () => readonly Total<SeriesName>[],
  changes: Promise<PublishedChanges>,
  effectMs = EFFECT_MS,
): Promise<void> {
  const [{ number, generation }] = history.reloads
  try {
    await history.timeline.published(number, totals(), changes)
  } catch (error) {
    if (!history.isClosed) log.error({ err: error, generation }, 'comparing the generations failed')
    return
  }
  const rules = (): readonly RuleEffect[] =>
    history.timeline.entry(number, () => snapshotOf(totals()))?.rules ?? []
  for (const each of rules().slice(0, RULES_MAX)) logChange(log, generation, each)
  save(history, log, totals)
  await pause(effectMs, undefined, { ref: false })
  if (history.isClosed) return
  for (const each of rules().slice(0, RULES_MAX)) logEffect(log, generation, each)
  save(history, log, totals)
}

function save(history: History, log: Logger, totals: () => readonly Total<SeriesName>[]): void {
  if (history.isClosed) return
  const wrong = history.save(totals)
  if (wrong !== null) log.warn({ reason: wrong }, `the history of reloads is not kept: ${wrong}`)
}

function logChange(log: Logger, generation: number, { rule, change, before, after }: RuleEffect): void {
  const place = whereText(rule.file, rule.line)
  const text = { added: after, removed: before, changed: `${before} becomes ${after}` }[change]
  log.info(
    { generation, rule: ruleName(rule), place, change, before, after },
    `${ruleName(rule)} (${place}) is ${change}: ${text}`,
  )
}

function logEffect(log: Logger, generation: number, { rule, periodBefore, periodAfter }: RuleEffect): void {
  if ((periodBefore?.connections ?? 0) + (periodAfter?.connections ?? 0) === 0) return
  const [before, after] = [periodBefore, periodAfter].map(each => each && periodText(each))
  log.info(
    { generation, rule: ruleName(rule), periodBefore, periodAfter },
    `${ruleName(rule)} since generation ${generation}: ${after ?? 'nothing'}; before: ${before ?? 'it was not there'}`,
  )
}

/** "120 connections in 60 s, 0.8 % of dials failed, 0 % were reset; a.example:9000 80 %, …". */
function periodText({ seconds, connections, failedDials, ended, resets, shares }: Period): string {
  const percent = (part: number, all: number): string =>
    all === 0 ? '–' : `${Number(((100 * part) / all).toFixed(1))} %`
  const counts = `${connections} connection${connections === 1 ? '' : 's'} in ${Math.round(seconds)} s`
  if (connections === 0) return counts
  const failures = `${percent(failedDials, connections)} of dials failed, ${percent(resets, ended)} were reset`
  const got = shares.map(each => `${each.destination} ${percent(each.connections, connections)}`)
  return `${counts}, ${failures}${got.length === 0 ? '' : `; ${got.join(', ')}`}`
}
