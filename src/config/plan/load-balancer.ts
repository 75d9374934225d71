/**
 * `loadBalancer` of a traffic policy: how an endpoint of a destination is picked.
 *
 * A connection has one of the keys of `consistentHash`, its client's address. By any other key
 * weir does not hash; validation has reported it.
 */

import { WARMUP_MS_MAX } from '../../stats/warmups.ts'
import { MAGLEV_SIZE_MAX, RING_POINTS_MAX } from '../../table/build/hash-table.ts'
import type { Policy, Warmup } from '../../table/plan/policy.ts'
import { parseDuration } from '../settings/duration.ts'
import type { PolicyBlocks } from './inputs.ts'

type Balancing = Pick<Policy, 'balance' | 'hashSize' | 'warmup'>

/** Envoy's default, and Istio's. */
const RING_SIZE = 1024

export function readBalancing(block: PolicyBlocks['loadBalancer']): Balancing {
  const { simple, consistentHash: hash } = block ?? {}
  if (hash?.useSourceIp === true) return readHash(hash)
  const balance = simple === 'ROUND_ROBIN' || simple === 'RANDOM' ? simple : 'LEAST_REQUEST'
  return { balance, hashSize: 0, warmup: balance === 'RANDOM' ? null : readWarmup(block ?? {}) }
}

/**
 * The older field is used without the newer one; defaults are Istio's (cluster_traffic_policy.go,
 * setSlowStartConfig).
 */
function readWarmup({
  warmup,
  warmupDurationSecs,
}: NonNullable<PolicyBlocks['loadBalancer']>): Warmup | null {
  const text = warmup ? warmup.duration : warmupDurationSecs
  const durationMs = Math.min(WARMUP_MS_MAX, Math.floor(parseDuration(text ?? '') ?? 0))
  if (durationMs <= 0) return null
  return { durationMs, minimumPercent: warmup?.minimumPercent ?? 10, aggression: warmup?.aggression ?? 1 }
}

/** Maglev if it is there, else a ring (cluster_traffic_policy.go, ApplyRingHashLoadBalancer). */
function readHash({
  maglev,
  ringHash,
  minimumRingSize,
}: NonNullable<NonNullable<PolicyBlocks['loadBalancer']>['consistentHash']>): Balancing {
  if (maglev)
    return { balance: 'MAGLEV', warmup: null, hashSize: Math.min(maglev.tableSize ?? 1, MAGLEV_SIZE_MAX) }
  const least = ringHash?.minimumRingSize || minimumRingSize || RING_SIZE
  return { balance: 'RING_HASH', warmup: null, hashSize: Math.min(least, RING_POINTS_MAX) }
}
