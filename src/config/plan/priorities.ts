/**
 * The priority of each endpoint, and the weight of each locality, as istiod computes them
 * (pilot/pkg/networking/core/loadbalancer/loadbalancer.go).
 *
 *   distribute         weights for localities; endpoints of a locality that it does not name get
 *                      nothing. Needs nothing else, and turns failover off
 *   failoverPriority   labels, compared in order with the gateway's own up to the first that differs
 *   failover           else, or in addition: the same subzone, zone, region, then the others; of
 *                      these the named region first
 *
 * failoverPriority and failover count with outlierDetection only, or if the service itself prefers
 * near endpoints (trafficDistribution). A gateway that does not know where it is has no failover.
 */

import type { Placing } from '../../table/plan/plan.ts'
import type { Settings } from '../settings/settings.ts'
import type { Labels, LocalityLbSetting } from './inputs.ts'
import { augmented, NETWORK, PREFERENCE, type Prefers, stepsOf, type Where } from './locality.ts'

/** Where the gateway is; null: the Settings do not say. */
export type Here = { readonly where: Where; readonly labels: Labels } | null

export function hereOf({ locality, workload }: Pick<Settings, 'locality' | 'workload'>): Here {
  if (locality === null) return null
  const { region, zone, subzone, node, network } = locality
  const steps = [region, zone, subzone].join('/').replace(/\/+$/, '')
  return { where: { locality: steps, node, network }, labels: workload?.labels ?? {} }
}

/** '': unknown. */
export const zoneOf = (here: Here): string => stepsOf(here?.where.locality ?? '')[1]

/** '': unknown. */
export const nodeOf = (here: Here): string => here?.where.node ?? ''

/** Whether a setting asks for near endpoints, and has no effect without the gateway's locality. */
export function needsLocality({ enabled, distribute = [], failover, failoverPriority }: LocalityLbSetting) {
  if (enabled === false) return false
  if (distribute.length > 0) return !distribute.some(({ from = '' }) => isWithin('', from))
  return (failover ?? []).length + (failoverPriority ?? []).length > 0
}

type Located = { readonly labels: Labels; readonly weight: number; readonly where?: Where | undefined }

export type PlacingRules = {
  readonly setting: LocalityLbSetting | undefined
  readonly prefers: Prefers | undefined
  readonly ejects: boolean
  readonly here: Here
}

/** What becomes of endpoints; null for one that gets nothing. */
type Placed = {
  readonly localities: readonly string[]
  readonly placings: readonly (Placing | null)[]
}

const NOWHERE: Where = { locality: '', node: '', network: '' }

/** Null: all endpoints are alike. */
export function placeMembers(members: readonly Located[], rules: PlacingRules): Placed | null {
  const { setting, prefers, ejects, here } = rules
  if (setting?.enabled === false) return null
  const distribute = setting?.distribute ?? []
  const isForced = setting === undefined && prefers !== undefined
  if (distribute.length === 0 && (here === null || !(isForced || ejects))) return null
  const located = members.map(each => locate(each, here))
  const localities = [...new Set(located.map(each => each.locality))].sort()
  if (distribute.length > 0 || here === null)
    return placed(located, localities, distributed(located, distribute, here))
  const labels = setting ? (setting.failoverPriority ?? []) : prefers ? PREFERENCE[prefers] : []
  const failover = setting?.failover ?? []
  const byLabels = located.map(each => priorityByLabels(each.labels, here, labels))
  const isByPlace = labels.length === 0 || failover.length > 0
  const priorities = compacted(
    byLabels.map((each, index) =>
      isByPlace ? each * 5 + priorityByPlace(located[index].locality, here, failover) : each,
    ),
  )
  const isWeighted = labels.length > 0 || failover.length > 0
  const shareOf = (index: number): number =>
    located.reduce(
      (sum, each, other) =>
        each.locality === located[index].locality && priorities[other] === priorities[index]
          ? sum + each.weight
          : sum,
      0,
    )
  const ways = priorities.map((priority, index) => ({
    priority,
    ...(isWeighted && { share: shareOf(index) }),
  }))
  return placed(located, localities, ways)
}

type Spot = { readonly locality: string; readonly labels: Labels; readonly weight: number }
type Way = { readonly priority: number; readonly share?: number } | null

/** An EndpointSlice names a zone only; the gateway's own zone is in its own region. */
function locate({ labels, weight, where = NOWHERE }: Located, here: Here): Spot {
  const [region, zone, subzone] = stepsOf(where.locality)
  const [ownRegion, ownZone] = stepsOf(here?.where.locality ?? '')
  const isNear = region === '' && zone !== '' && zone === ownZone
  const locality = isNear ? [ownRegion, zone, subzone].join('/').replace(/\/+$/, '') : where.locality
  return { locality, labels: augmented(labels, { ...where, locality }), weight }
}

function placed(
  located: readonly Spot[],
  localities: readonly string[],
  ways: readonly Way[],
): Placed | null {
  const kept = ways.filter(each => each !== null)
  const isPlain =
    kept.length === ways.length &&
    ways.every(each => each?.priority === 0) &&
    (localities.length < 2 || ways.every(each => each?.share === undefined))
  if (isPlain) return null
  const placings = ways.map((way, index) =>
    way === null ? null : { ...way, locality: localities.indexOf(located[index].locality) },
  )
  return { localities, placings }
}

function distributed(
  located: readonly Spot[],
  distribute: NonNullable<LocalityLbSetting['distribute']>,
  here: Here,
): Way[] {
  const own = here?.where.locality ?? ''
  const entry = distribute.find(({ from = '' }) => isWithin(own, from))
  const weightOf = (is: (each: Spot) => boolean): number =>
    located.filter(is).reduce((sum, each) => sum + each.weight, 0)
  const inside = Object.entries(entry?.to ?? {})
  return located.map(({ locality }) => {
    const whole = weightOf(each => each.locality === locality)
    if (!entry) return { priority: 0, share: whole }
    const found = inside.find(([to]) => isWithin(locality, to))
    if (!found) return null
    const all = weightOf(each => inside.find(([to]) => isWithin(each.locality, to)) === found)
    return { priority: 0, share: Math.max(1, Math.ceil((whole * found[1]) / all)) }
  })
}

/** "*" and a missing step stand for any (util.go, LocalityMatch). */
function isWithin(locality: string, pattern: string): boolean {
  const steps = stepsOf(locality)
  return stepsOf(pattern).every(
    (step, index) => step === '*' || step === steps[index] || (index > 0 && step === ''),
  )
}

/**
 * 0: all are equal; else the more, the earlier one differs. A network that differs comes first in
 * the list, counts once, and leaves the others to be compared.
 */
function priorityByLabels(
  labels: Labels,
  { labels: own, where }: NonNullable<Here>,
  keys: readonly string[],
) {
  const mine = augmented(own, where)
  const pairs = keys.map(each => each.split('='))
  const differs = ([key, value]: readonly string[]): boolean =>
    (value ?? mine[key] ?? '') !== (labels[key] ?? '')
  const isFar = keys[0] === NETWORK && differs(pairs[0])
  const index = pairs.findIndex((pair, at) => !(isFar && at === 0) && differs(pair))
  return (index < 0 ? 0 : keys.length - index) + (isFar ? keys.length : 0)
}

function priorityByPlace(
  locality: string,
  { where }: NonNullable<Here>,
  failover: NonNullable<LocalityLbSetting['failover']>,
): number {
  const own = stepsOf(where.locality)
  const steps = stepsOf(locality)
  const first = own.findIndex((step, index) => step !== steps[index])
  if (first !== 0) return first < 0 ? 0 : 3 - first
  const named = failover.find(each => (each.from ?? '') === own[0])
  return named && named.to !== steps[0] ? 4 : 3
}

/** 0, 1, 2 … in the same order. */
function compacted(priorities: readonly number[]): number[] {
  const used = [...new Set(priorities)].sort((a, b) => a - b)
  return priorities.map(each => used.indexOf(each))
}
