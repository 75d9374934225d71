/** Localities: "region/zone/subzone", the distribution of load over them, and failover. */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { checkShape, type Shape } from './shape.ts'
import { checkRange } from './values.ts'

const TOPOLOGY_LABELS = [
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.istio.io/subzone',
]

const ZONE_AWARE: Shape = {
  enabled: 'flag',
  failover: [{ from: 'text', to: 'text' }],
  failoverPriority: ['text'],
  minClusterSize: 'number',
}

export function checkLocality(setting: Field, outlierDetection: Field): void {
  const distribute = setting.get('distribute')
  const hasFailover = setting.get('failover').items.length > 0
  if (distribute.items.length > 0 && hasFailover) {
    setting.report('CFG210', 'distribute and failover cannot be combined')
  }
  if (hasFailover) checkPriorityLabels(setting, 'cannot be combined with failover')
  for (const each of distribute.items) checkShares(each.get('to'))
  checkOverlaps(distribute.items.map(each => each.get('from')))
  checkFailover(setting, outlierDetection)
}

/**
 * Newer than localityLbSetting. It handles zones and regions itself, so priorities cannot name
 * them.
 */
export function checkZoneAware(setting: Field, outlierDetection: Field): void {
  checkShape(setting, ZONE_AWARE)
  checkRange(setting.get('minClusterSize'), 1, Number.POSITIVE_INFINITY)
  checkPriorityLabels(setting, 'is not allowed in zoneAwareLbSetting')
  checkFailover(setting, outlierDetection)
}

function checkPriorityLabels(setting: Field, complaint: string): void {
  for (const label of setting.get('failoverPriority').items) {
    label.check('CFG210', text => (TOPOLOGY_LABELS.includes(text) ? complaint : null))
  }
}

function checkFailover(setting: Field, outlierDetection: Field): void {
  const failover = setting.get('failover')
  const wanted = [failover, setting.get('failoverPriority')].find(list => list.items.length > 0)
  if (wanted && outlierDetection.absent) {
    wanted.report('CFG252', `${wanted.name} needs outlierDetection in the same policy`)
  }
  for (const each of failover.items) {
    const [from, to] = [each.get('from'), each.get('to')]
    if ((from.text ?? '') === (to.text ?? '')) each.report('CFG218', 'failover must lead to another region')
    for (const region of [from, to]) {
      region.check('CFG218', text =>
        /[/*]/.test(text) ? 'is not a region: failover needs whole regions' : null,
      )
    }
  }
}

/** The distribution of one locality's load: 1 to 100 for each, 100 in all. */
function checkShares(to: Field): void {
  let total = 0
  for (const [, weight] of to.entries) {
    const { number } = weight
    if (number === undefined) return
    if (number < 1 || number > 100) {
      weight.report('CFG218', `a share must be between 1 and 100, not ${number}`)
    }
    total += number
  }
  if (total !== 100) to.report('CFG218', `the shares add up to ${total}, not to 100`)
  checkOverlaps(
    to.entries.map(([, weight]) => weight),
    to.entries.map(([locality]) => locality),
  )
}

/**
 * No locality lies inside an earlier one, and a wildcard comes last; reports the first bad one.
 *
 * "a" is all of region a, as "a/*" is, while "a*" is the name of another; "*" is everything, so
 * nothing may follow it. A wildcard after what it covers is fine (istiod validateLocalities).
 */
function checkOverlaps(places: readonly Field[], texts = places.map(place => place.text ?? '')): void {
  const whole = new Set<string>()
  const starts = new Set<string>()
  for (const [index, place] of places.entries()) {
    const prefixes = prefixesOf(texts[index])
    const overlaps = starts.has(prefixes[prefixes.length - 1]) || prefixes.some(prefix => whole.has(prefix))
    const complaint = malformed(texts[index]) ?? (overlaps ? 'overlaps an earlier one' : null)
    if (complaint !== null) {
      place.report('CFG218', `locality ${quote(texts[index])} ${complaint}`)
      return
    }
    for (const prefix of prefixes.slice(1)) starts.add(prefix)
    whole.add(texts[index].replace(/(^|\/)\*$/, ''))
  }
}

/** "a/b" has the prefixes "", "a" and "a/b". */
function prefixesOf(locality: string): readonly string[] {
  const steps = stepsOf(locality)
  return ['', ...steps.map((_, index) => steps.slice(0, index + 1).join('/'))]
}

/** Region, zone and subzone; a subzone may contain slashes. */
function stepsOf(locality: string): readonly string[] {
  const [region, zone, ...subzone] = locality.split('/')
  if (zone === undefined) return [region]
  return subzone.length === 0 ? [region, zone] : [region, zone, subzone.join('/')]
}

function malformed(locality: string): string | null {
  if (locality.slice(0, -1).includes('*')) return 'has a wildcard that is not its end'
  return stepsOf(locality).includes('') ? 'has an empty region, zone or subzone' : null
}
