/**
 * Whoever was reset by an upstream before a byte had gone either way has lost a connection that
 * another endpoint could have taken, if there was one: told from the record of its end and from
 * what the plans and the spans of rotation say, in simple cases only.
 */

import { formatEndpoint } from '../../src/address/address.ts'
import { Live, Stage } from '../../src/stats/connections.ts'
import type { Cluster, Endpoint } from '../../src/table/plan/plan.ts'
import type { Ended, Scene } from './oracle.ts'
import { OWN_ADDRESSES } from './plans.ts'

/** From its connect until it settles (UNHEARD_MS in src/engine/flow/deadlines.ts). */
const YOUNG_MS = 1000

export function checkEarlyReset(scene: Scene, record: Ended, who: string): void {
  const { gateway, hasFiles, unseenMs, onBug } = scene
  const { reason, words, numbers } = record
  const number = (field: number): number => numbers[field / 2]
  const isEarly = number(Live.endedMs) - number(Live.connectedMs) < YOUNG_MS
  const isUntouched = number(Live.fromUpstream) === 0 && number(Live.toUpstream) === 0
  if (reason !== 'upstream-reset' || words[Live.state] !== Stage.relaying || !isEarly || !isUntouched) return
  if (!hasFiles || unseenMs > 0) return
  const own = gateway.versions.filter(each => each.generation === words[Live.generation])
  const clusters = own.map(({ plan }) => plan.clusters[words[Live.cluster]])
  if (clusters.every(each => hasAnother(scene, each, record)))
    onBug(`${who}: its upstream reset before a byte, and there was another endpoint`)
}

/** All of its endpoints were in rotation all the time, and it has not tried them all. */
function hasAnother({ gateway }: Scene, cluster: Cluster, { words, numbers }: Ended): boolean {
  const { policy, endpoints, tls } = cluster
  const { connectAttempts, connectDeadlineMs, proxyVersion } = policy
  const [acceptedMs, endedMs] = [numbers[Live.acceptedMs / 2], numbers[Live.endedMs / 2]]
  const tried = words[Live.attempts]
  if (tls !== undefined || proxyVersion > 0 || tried >= connectAttempts || tried >= endpoints.length)
    return false
  if (endedMs >= acceptedMs + connectDeadlineMs) return false
  const { drained, down, ejection } = gateway.dials
  // To its very end, which is no whole millisecond where a machine was suspended.
  const fromMs = Math.floor(numbers[Live.connectedMs / 2])
  const wasIn = (each: Endpoint): boolean => {
    const text = formatEndpoint(each.address, each.port)
    const wasOut =
      drained.touches(text, fromMs, endedMs) ||
      down.touches(text, fromMs, endedMs) ||
      ejection.wasOut(cluster, each, fromMs, endedMs)
    return !wasOut && !OWN_ADDRESSES.includes(each.address)
  }
  return endpoints.every(wasIn)
}
