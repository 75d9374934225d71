/**
 * What weir makes of a cluster's resources, for whoever writes it there
 * (source/kubernetes/writer.ts).
 *
 * Gateway API's resources have the status that its specification asks for. Istio's have a condition
 * only once something was wrong with them: healthy ones cost no write.
 */

import { createHash } from 'node:crypto'
import { type Diagnostic, isOfApi } from '../config/findings/diagnostic.ts'
import { groupOf } from '../config/kinds.ts'
import type { Fields, Kept } from '../source/kubernetes/objects.ts'
import { STATUS_KINDS } from '../source/kubernetes/status-kinds.ts'
import type { Told, Wanted } from '../source/kubernetes/writer.ts'
import type { Compiled } from './compile/compiled.ts'

const ACCEPTED = 'gateway.weir/Accepted'
/** Events of one configuration. */
const EVENTS_MAX = 100
const ISTIO = /\.istio\.io$/

type Reports = {
  readonly statuses: ReadonlyMap<string, Wanted>
  readonly events: readonly Told[]
}

/** @param objects  What the cluster has, by key. */
export function reportsOf(
  { statuses, leftOut, diagnostics }: Pick<Compiled, 'statuses' | 'leftOut' | 'diagnostics'>,
  objects: Iterable<readonly [key: string, kept: Kept]>,
): Reports {
  const wanted = new Map<string, Wanted>()
  for (const { apiVersion, kind, namespace, name, generation, status } of statuses)
    wanted.set(`${groupOf(apiVersion)} ${kind} ${namespace}/${name}`, { generation, status })
  const wrong = new Set(leftOut.map(each => each.key))
  const found = Map.groupBy(diagnostics.filter(isOfApi), each => each.file)
  const events: Told[] = []
  for (const [key, kept] of objects) {
    const { object, status, generation } = kept
    if (!STATUS_KINDS.some(each => key.startsWith(`${each.group} ${each.kind} `))) continue
    const told = found.get(titleOf(kept)) ?? []
    if (ISTIO.test(groupOf(object.apiVersion))) {
      const condition = istioCondition(wrong.has(key), told, status, generation)
      if (condition) wanted.set(key, { generation, status: { conditions: [condition] } })
    }
    events.push(...told.flatMap(each => eventOf(key, kept, each)))
  }
  return { statuses: wanted, events: events.slice(0, EVENTS_MAX) }
}

const titleOf = ({ object: { kind, metadata } }: Kept): string =>
  metadata.namespace === undefined
    ? `${kind} ${metadata.name}`
    : `${kind} ${metadata.namespace}/${metadata.name}`

/** Null: nothing is wrong, and nothing was. */
function istioCondition(
  isWrong: boolean,
  told: readonly Diagnostic[],
  status: Fields,
  generation: number,
): Fields | null {
  const conditions = Array.isArray(status.conditions) ? status.conditions : []
  if (!isWrong && !conditions.some(each => Object(each).type === ACCEPTED)) return null
  const errors = told.filter(each => each.severity === 'error').map(textOf)
  return {
    type: ACCEPTED,
    status: isWrong ? 'False' : 'True',
    reason: isWrong ? 'Invalid' : 'Accepted',
    message: isWrong ? errors.join('; ').slice(0, 1024) : '',
    observedGeneration: generation,
  }
}

const textOf = ({ code, field, message }: Diagnostic): string =>
  `${code}${field === undefined ? '' : ` ${field}`}: ${message}`

/** Notes of weir check are none: an Event is for what somebody should do something about. */
function eventOf(key: string, { uid, generation }: Kept, found: Diagnostic): Told[] {
  if (found.severity === 'info') return []
  const note = textOf(found)
  const id = createHash('sha256').update(`${uid} ${generation} ${note}`).digest('hex').slice(0, 16)
  const reason = found.severity === 'error' ? 'WeirRejected' : 'WeirWarning'
  return [{ key, reason, note, id }]
}
