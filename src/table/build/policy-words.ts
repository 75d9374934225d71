/** The words of a cluster's row, and those of a listener's row that say the same of its clients. */

import { assert } from '../../base/assert.ts'
import * as L from '../format/routing-layout.ts'
import type { Cluster } from '../plan/plan.ts'
import { PROXY_TLVS, type TcpTimes } from '../plan/policy.ts'

const KINDS = { static: L.CLUSTER_STATIC, original: L.CLUSTER_ORIGINAL, unknown: L.CLUSTER_UNKNOWN }

/**
 * @param slot  The cluster's word in the shared counts.
 * @param tls  1 + its row among the TLS upstreams.
 */
export const clusterWords = ({ kind, policy, localities }: Cluster, slot: number, tls: number): number[] => [
  KINDS[kind],
  L.Balance[policy.balance],
  policy.connectTimeoutMs,
  policy.idleTimeoutMs,
  policy.maxDurationMs,
  policy.maxConnections,
  slot,
  policy.keepalive?.timeS ?? -1,
  policy.keepalive?.intervalS ?? 0,
  policy.keepalive?.probes ?? 0,
  policy.connectAttempts,
  policy.connectDeadlineMs,
  policy.remembersFailures ? 1 : 0,
  policy.proxyVersion,
  policy.ejection?.failures ?? 0,
  policy.ejection?.gatewayFailures ?? 0,
  policy.ejection?.intervalMs ?? 0,
  policy.ejection?.baseMs ?? 0,
  policy.ejection?.maxPercent ?? 0,
  policy.ejection?.minHealthPercent ?? 0,
  policy.userTimeoutMs,
  policy.writeTimeoutMs,
  tls,
  policy.hashSize,
  policy.warmup?.durationMs ?? 0,
  policy.warmup?.minimumPercent ?? 0,
  Math.round((policy.warmup?.aggression ?? 0) * 1000),
  localities === undefined ? 0 : 1,
  policy.proxyTlvs.reduce((bits, each) => bits | (1 << PROXY_TLVS.indexOf(each)), 0),
]

export function tcpWords({ keepalive, userTimeoutMs, writeTimeoutMs }: TcpTimes): number[] {
  if (keepalive === null) return [0, 0, 0, userTimeoutMs, writeTimeoutMs]
  const { timeS, intervalS, probes } = keepalive
  assert(timeS > 0 && intervalS > 0 && probes > 0, 'a listener leaves keepalive to the kernel')
  return [timeS, intervalS, probes, userTimeoutMs, writeTimeoutMs]
}
