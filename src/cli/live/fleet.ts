/**
 * `weir status --fleet`: many gateways seen as one. Who is ready, who serves another configuration,
 * and which shares they have delivered together.
 */

import { askFleet, type Fleet, type FleetReplica, fleetOf, missingText } from '../../admin/fleet/fleet.ts'
import type { FleetRule } from '../../admin/fleet/shares.ts'
import { printable } from '../../base/printable.ts'
import { inTurns } from '../../base/turns.ts'
import { stateText } from '../../control/readiness.ts'
import { type Env, Exit } from '../env.ts'
import { NoAnswer } from './answered.ts'
import { tokenIn } from './client.ts'
import { columns, countText, durationText, plural, shareText } from './format.ts'
import { bandTexts } from './routes.ts'

/** Of a replica that answers slowly, with many rules. */
const ANSWER_MS_MAX = 10_000
const PLACES_MAX = 1_000

export async function fleet(hosts: string, output: 'text' | 'json', env: Env): Promise<number> {
  const written = hosts
    .split(',')
    .map(each => each.trim())
    .filter(each => each !== '')
  if (written.length === 0) throw new NoAnswer('--fleet needs a host: write host,host', Exit.usage)
  const replicas = await askFleet({
    hosts: written,
    token: tokenIn(env.variables.WEIR_ADMIN_TOKEN_FILE),
    totalMs: ANSWER_MS_MAX,
    placesMost: PLACES_MAX,
    rulesMost: Number.POSITIVE_INFINITY,
  })
  const found = await inTurns(fleetOf(replicas))
  env.stdout.write(
    output === 'json'
      ? `${JSON.stringify(found, null, 2)}\n`
      : [...lines(found), ...found.rules.flatMap(shareLines)].map(line => `${printable(line)}\n`).join(''),
  )
  return found.replicas.every(each => each.why === null) ? Exit.ok : Exit.failed
}

function lines({ replicas, configuration }: Fleet): string[] {
  const answering = replicas.flatMap(each => each.summary ?? [])
  const ready = answering.filter(each => each.ready).length
  const same = answering.filter(each => each.configuration === configuration).length
  const open = answering.reduce((sum, each) => sum + each.counters.open, 0)
  const accepted = answering.reduce((sum, each) => sum + each.counters.accepted, 0)
  return [
    `${plural(replicas.length, 'replica')}: ${ready} ready, ${same} with configuration ${configuration ?? 'unknown'}, ${countText(open)} open, ${countText(accepted)} accepted`,
    ...columns(replicas.map(each => row(each, configuration))).map(line => `  ${line.trimEnd()}`),
  ]
}

function row({ place, why, summary, rulesWhy }: FleetReplica, common: string | null): string[] {
  const start = [why === null ? '' : '!', place]
  if (summary === null) return [...start, 'no answer', '', '', '', '', '', why ?? '']
  const { version, generation, configuration, uptimeS, counters } = summary
  return [
    ...start,
    stateText(summary),
    `weir ${version}`,
    `configuration ${configuration}`,
    `generation ${generation}`,
    `up ${durationText(uptimeS * 1000)}`,
    `${countText(counters.open)} open`,
    [
      ...(configuration === common ? [] : [`others have ${common}`]),
      ...(rulesWhy === null ? [] : [missingText(rulesWhy)]),
    ].join('; '),
  ]
}

function shareLines({ rule, connections, exactTo, destinations }: FleetRule): string[] {
  const bound = exactTo !== null && exactTo > 1 ? `, exact to less than ${exactTo}` : ''
  const rows = destinations.map(each => [
    each.configuredShare === null ? 'was' : shareText(each.configuredShare, 2),
    ...bandTexts(each),
    countText(each.connections),
    each.destination,
  ])
  const head = `${rule}  ${countText(connections)} ${connections === 1 ? 'connection' : 'connections'}${bound}`
  return [head, ...columns(rows, new Set([0, 1, 3])).map(line => `    ${line}`)]
}
