/** Load balancer settings: hashing, warm-up and localities. */

import { MAGLEV_SIZE_MAX, RING_POINTS_MAX } from '../../table/build/hash-table.ts'
import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { checkLocality, checkZoneAware } from './locality.ts'
import { checkDuration, checkLeastDuration, checkRange, readDuration } from './values.ts'

/** Envoy refuses Maglev tables of this size and more. */
const TABLE_SIZE_END = 5_000_011

/** The key of `consistentHash` that a connection has, and those that only requests have. */
const SOURCE_IP = 'useSourceIp'
const LAYER_7_KEYS = ['httpHeaderName', 'httpQueryParameterName', 'httpCookie']

/** `outlierDetection` of the same policy, which failover depends on. */
export function checkLoadBalancer(balancer: Field, outlierDetection: Field): void {
  checkConsistentHash(balancer.get('consistentHash'))
  const locality = balancer.get('localityLbSetting')
  const zoneAware = balancer.get('zoneAwareLbSetting')
  if (!locality.absent && !zoneAware.absent) {
    zoneAware.report('CFG210', 'zoneAwareLbSetting cannot be combined with localityLbSetting')
  }
  checkLocality(locality, outlierDetection)
  checkZoneAware(zoneAware, outlierDetection)
  checkLeastDuration(balancer.get('warmupDurationSecs')) // the schema checks it, istiod does not
  const warmup = balancer.get('warmup')
  checkDuration(warmup.get('duration'))
  checkRange(warmup.get('minimumPercent'), 0, 100)
  checkRange(warmup.get('aggression'), 1, Number.POSITIVE_INFINITY)
  checkWarms(balancer)
}

/** Envoy's slow start, which Istio sets for two balancers only. */
function checkWarms(balancer: Field): void {
  const field = ['warmup', 'warmupDurationSecs'].map(name => balancer.get(name)).find(each => !each.absent)
  const simple = balancer.get('simple').text ?? ''
  const isOther = ['RANDOM', 'PASSTHROUGH'].includes(simple) || !balancer.get('consistentHash').absent
  if (field && isOther)
    field.report('CFG252', `${field.name} is for LEAST_REQUEST and ROUND_ROBIN, and has no effect here`)
}

function checkConsistentHash(hash: Field): void {
  checkCookie(hash.get('httpCookie'))
  if (!hash.absent && [SOURCE_IP, ...LAYER_7_KEYS].every(key => !isKey(hash.get(key))))
    hash.report('CFG252', 'consistentHash names no key, so it has no effect', `set ${SOURCE_IP}: true`)
  const minimum = hash.get('minimumRingSize')
  if (minimum.number) {
    minimum.report('CFG251', 'minimumRingSize is deprecated', 'use ringHash.minimumRingSize')
    if (!hash.get('ringHash').absent || !hash.get('maglev').absent) {
      minimum.report('CFG210', 'minimumRingSize cannot be combined with ringHash or maglev')
    }
  }
  for (const size of [minimum, hash.get('ringHash').get('minimumRingSize')])
    if ((size.number ?? 0) > RING_POINTS_MAX) reportSize(size, RING_POINTS_MAX)
  const maglev = hash.get('maglev')
  if (!maglev.absent) checkTableSize(maglev.get('tableSize'))
}

const isKey = ({ absent, value }: Field): boolean => !absent && value !== false

const reportSize = (size: Field, most: number): void =>
  size.report('CFG253', `${size.name} ${size.number}: weir makes tables of at most ${most}`)

function checkTableSize(size: Field): void {
  const { number } = size
  if (size.absent) size.report('CFG211', 'maglev must have a tableSize', '65537 is a usual one')
  else if (number !== undefined && !(number < TABLE_SIZE_END && isPrime(number))) {
    size.report('CFG208', `tableSize must be a prime number below ${TABLE_SIZE_END}, not ${number}`)
  } else if ((number ?? 0) > MAGLEV_SIZE_MAX) reportSize(size, MAGLEV_SIZE_MAX)
}

function isPrime(number: number): boolean {
  if (number < 4) return number > 0 // Envoy accepts 1 too
  if (number % 2 === 0) return false
  for (let factor = 3; factor * factor <= number; factor += 2) if (number % factor === 0) return false
  return true
}

function checkCookie(cookie: Field): void {
  readDuration(cookie.get('ttl'))
  if (cookie.get('name').text === '') cookie.get('name').report('CFG211', 'a cookie must have a name')
  const names = new Set<string>()
  for (const attribute of cookie.get('attributes').items) {
    const name = attribute.get('name')
    if (name.text === '') name.report('CFG211', 'an attribute of a cookie must have a name')
    else if (name.text !== undefined && names.has(name.text)) {
      name.report('CFG209', `attribute ${quote(name.text)} of the cookie appears twice`)
    }
    if (name.text !== undefined) names.add(name.text)
  }
}
