/** The log's messages about configurations and workers, for people and as fields for programs. */

import { whereText } from '../../base/where-text.ts'
import { type Diagnostic, isOfApi, type Severity } from '../../config/findings/diagnostic.ts'
import { placeInApi } from '../../config/findings/render.ts'
import type { Table } from '../../table/format/table.ts'
import type { Compiled, Stages } from '../compile/compiled.ts'
import type { EndpointChange } from '../endpoint-changes.ts'
import type { Verdict } from '../guard/reload-guard.ts'
import type { SupervisorEvent } from '../workers/worker-record.ts'
import type { Changes } from './changes.ts'
import { worstFirst } from './history.ts'
import type { Logger } from './log.ts'

/** Diagnostics of one configuration in the log; `weir check` shows all. */
const DIAGNOSTICS_MAX = 50
/** Names in one line of the log. */
const TITLES_MAX = 10

const LEVELS: { readonly [severity in Severity]: 'error' | 'warn' | 'info' } = {
  error: 'error',
  warning: 'warn',
  info: 'info',
}

/**
 * Errors first: if there are too many, those are the ones to see. Those of an API that `before`
 * has, too, were told: somebody else's change is no reason to repeat them.
 */
export function logDiagnostics(log: Logger, { diagnostics: all }: Compiled, before: Compiled | null): void {
  const told = new Set(before?.diagnostics.filter(isOfApi).map(keyOf))
  const diagnostics = all.filter(each => !isOfApi(each) || !told.has(keyOf(each)))
  const shown = worstFirst(diagnostics).slice(0, DIAGNOSTICS_MAX)
  for (const each of shown) {
    const { severity, message, hint, ...fields } = each
    const place = each.line === 0 ? placeInApi(each) : `${each.file}:${each.line}:${each.column}`
    log[LEVELS[severity]](
      { ...fields, hint },
      `${place}: ${each.code}: ${message}${hint ? ` (${hint})` : ''}`,
    )
  }
  const rest = diagnostics.length - shown.length
  if (rest > 0) log.warn({ rest }, `and ${rest} more: see weir check`)
}

const keyOf = ({ code, file, field, message }: Diagnostic): string => [code, file, field, message].join(' ')

/** One line for the generation; listener-log.ts has those of listeners. */
export function logGeneration(
  log: Logger,
  generation: number,
  before: Compiled | null,
  after: Compiled,
  changes: Changes,
  times: Stages & { readonly publish: number },
): void {
  const stages = Object.entries(times).map(([stage, ms]) => [stage, Number(ms.toFixed(1))] as const)
  const totalMs = Object.values(times).reduce((sum, ms) => sum + ms, 0)
  const spent = `${totalMs.toFixed(0)} ms (${stages.map(each => each.join(' ')).join(', ')})`
  const count = after.resources.length
  const what = before ? changesText(changes) : `${count} resource${count === 1 ? '' : 's'}`
  const fields = { generation, ...(before ? changes : { resources: count }) }
  log.info(
    { ...fields, stagesMs: Object.fromEntries(stages) },
    `generation ${generation}: ${what} in ${spent}`,
  )
  if (before && changes.removed.length > 0)
    log.warn({ generation, removed: changes.removed }, `removed: ${some(changes.removed)}`)
  if (after.listeners.length === 0)
    log.warn(
      { generation },
      'nothing to serve: no listener is open, /ready answers 503; weir goes on watching',
    )
  const { uncounted } = after
  if (uncounted > 0)
    log.warn({ uncounted }, `${uncounted} endpoints have no count of their own: there are too many`)
}

/** A refusal with its losses, and how to accept the change in spite of them. */
export function logGuarded(log: Logger, generation: number, { checksum }: Compiled, verdict: Verdict): void {
  const { findings, text, weighed } = verdict
  for (const { severity: _, message, hint, ...fields } of findings.slice(0, DIAGNOSTICS_MAX))
    log.error({ ...fields, hint }, `${whereText(fields.file, fields.line)}: ${fields.code}: ${message}`)
  log.error(
    { generation, checksum, loses: weighed },
    `the change is refused, since it would take them from connections: ${text}. Generation ${generation} stays; to take it as it is: weir reload --accept ${checksum}`,
  )
}

/** The losses of a served change. */
export function logLosses(log: Logger, generation: number, { findings, warnings, weighed }: Verdict): void {
  for (const { severity: _, message, hint, ...fields } of findings.slice(0, DIAGNOSTICS_MAX))
    log.warn({ ...fields, hint }, `${whereText(fields.file, fields.line)}: ${fields.code}: ${message}`)
  for (const text of warnings) log.warn({ generation, loses: weighed }, text)
}

/** Rules with an undefined destination; logged if their number changes. */
export function logUnserved(
  log: Logger,
  generation: number,
  before: Compiled | null,
  { unserved }: Compiled,
): void {
  if (unserved === 0 || unserved === before?.unserved) return
  const rules = unserved === 1 ? '1 rule has' : `${unserved} rules have`
  log.warn(
    { generation, unserved },
    `${rules} a destination that nothing defines: connections to it are reset (unknown-destination)`,
  )
}

/** Access control, logged at the start and when it changes. */
export function logAccess(log: Logger, generation: number, before: Compiled | null, after: Compiled): void {
  if (after.access === (before?.access ?? '')) return
  log.info(
    { generation },
    after.access || 'no AuthorizationPolicy is enforced any more: everybody may connect',
  )
}

/** Clients that replaced those of `table` within a generation. */
export function logClients(
  log: Logger,
  { generation, clientsRevision }: Pick<Table, 'generation' | 'clientsRevision'>,
  changes: Changes,
): void {
  const revision = clientsRevision + 1
  log.info(
    { generation, clientsRevision: revision, ...changes },
    `clients revision ${revision} of generation ${generation}: ${changesText(changes)}`,
  )
}

/** Endpoints that replaced those of `table` within a generation. */
export function logEndpoints(
  log: Logger,
  { generation, endpointsRevision }: Pick<Table, 'generation' | 'endpointsRevision'>,
  { names, changed, emptied, uncounted }: EndpointChange,
  publishMs: number,
): void {
  const revision = endpointsRevision + 1
  const ms = Number(publishMs.toFixed(1))
  const what = names.map(({ name, after }) => `${name} is ${some(after)}`)
  log.info(
    { generation, endpointsRevision: revision, names, destinations: changed.length, publishMs: ms },
    `endpoints revision ${revision} of generation ${generation}: ${names.length > 0 ? some(what) : some(changed)}; destinations that have other endpoints: ${changed.length}, in ${ms} ms`,
  )
  for (const destination of emptied.slice(0, DIAGNOSTICS_MAX))
    log.warn(
      { generation, endpointsRevision: revision, destination },
      `${destination} has no endpoint: connections to it are reset (no-endpoint)`,
    )
  if (uncounted > 0)
    log.warn({ uncounted }, `${uncounted} endpoints have no count of their own: there are too many`)
}

function changesText(changes: Changes): string {
  const parts = Object.entries(changes).filter(([, titles]) => titles.length > 0)
  return (
    parts.map(([how, titles]) => `${how} ${some(titles)}`).join('; ') || 'only names or their order changed'
  )
}

export function logWorkerEvent(log: Logger, event: SupervisorEvent): void {
  if (event.kind !== 'died') return
  const { worker, error, restartMs } = event
  log.error(
    { err: error, worker, restartMs },
    `worker ${worker} died: ${error.message}; another starts in ${restartMs} ms`,
  )
}

const some = (titles: readonly string[]): string =>
  titles.length <= TITLES_MAX
    ? titles.join(', ')
    : `${titles.slice(0, TITLES_MAX).join(', ')} and ${titles.length - TITLES_MAX} more`
