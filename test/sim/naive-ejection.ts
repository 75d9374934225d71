/**
 * Outlier detection, told again from Envoy's rules for TCP: one event after the other, one sweep
 * after the other, without slots, locks or tables. The engine's own must come to the same.
 */

import { clusterIdentity } from '../../src/table/build/endpoint-rows.ts'
import type { Cluster, Endpoint } from '../../src/table/plan/plan.ts'
import type { Ejection } from '../../src/table/plan/policy.ts'
import { Spans } from './spans.ts'

/** Of an endpoint within a destination. */
export type Member = {
  failures: number
  gatewayFailures: number
  backoff: number
  ejections: number
  prevented: number
  untilMs: number
}

/** Envoy's default of max_ejection_time. */
const MOST_MS = 300_000

export const memberOf = (cluster: Cluster, { address, port }: Endpoint): string =>
  `member ${clusterIdentity(cluster)} ${address} ${port}`

export class NaiveEjection {
  /** By identity, as the slots of the table have it. */
  readonly members = new Map<string, Member>()
  readonly #out = new Spans()

  connected(cluster: Cluster, endpoint: Endpoint): void {
    if (cluster.policy.ejection === null) return
    const member = this.#member(cluster, endpoint)
    member.failures = member.gatewayFailures = 0
  }

  failed(cluster: Cluster, endpoint: Endpoint, nowMs: number): void {
    const { ejection } = cluster.policy
    const member = this.#member(cluster, endpoint)
    if (ejection === null || nowMs < member.untilMs) return
    if (ejection.gatewayFailures > 0 && ++member.gatewayFailures >= ejection.gatewayFailures) {
      member.gatewayFailures = 0
      if (this.#ejects(cluster, endpoint, ejection, nowMs)) return
    }
    if (ejection.failures > 0 && ++member.failures >= ejection.failures) {
      member.failures = 0
      this.#ejects(cluster, endpoint, ejection, nowMs)
    }
  }

  /** A health check has succeeded: the endpoint is back, and nothing counts against it. */
  unejected(cluster: Cluster, endpoint: Endpoint, nowMs: number): void {
    if (!this.isOut(cluster, endpoint, nowMs)) return
    const member = this.#member(cluster, endpoint)
    member.untilMs = nowMs
    member.failures = member.gatewayFailures = 0
    this.#out.end(memberOf(cluster, endpoint), nowMs)
  }

  isOut(cluster: Cluster, endpoint: Endpoint, nowMs: number): boolean {
    return cluster.policy.ejection !== null && this.#out.isIn(memberOf(cluster, endpoint), nowMs)
  }

  wasOut(cluster: Cluster, endpoint: Endpoint, sinceMs: number, untilMs = sinceMs): boolean {
    return (
      cluster.policy.ejection !== null && this.#out.touches(memberOf(cluster, endpoint), sinceMs, untilMs)
    )
  }

  #member(cluster: Cluster, endpoint: Endpoint): Member {
    const name = memberOf(cluster, endpoint)
    const fresh = { failures: 0, gatewayFailures: 0, backoff: 0, ejections: 0, prevented: 0, untilMs: 0 }
    const member = this.members.get(name) ?? fresh
    this.members.set(name, member)
    return member
  }

  #ejects(cluster: Cluster, endpoint: Endpoint, ejection: Ejection, nowMs: number): boolean {
    const { intervalMs, baseMs, maxPercent } = ejection
    const member = this.#member(cluster, endpoint)
    const out = cluster.endpoints.filter(each => this.isOut(cluster, each, nowMs)).length
    if (100 * (out + 1) > maxPercent * cluster.endpoints.length) {
      member.prevented++
      return false
    }
    const mostMs = Math.max(MOST_MS, baseMs)
    // Each sweep in which it was in use takes one off, but for the one that let it back.
    for (let atMs = member.untilMs + intervalMs; atMs <= nowMs && member.backoff > 0; atMs += intervalMs)
      member.backoff--
    if (member.backoff * baseMs < mostMs + baseMs) member.backoff++
    const overMs = nowMs + Math.min(member.backoff * baseMs, mostMs)
    member.untilMs = Math.floor(overMs / intervalMs) * intervalMs
    if (member.untilMs < overMs) member.untilMs += intervalMs
    member.ejections++
    member.failures = member.gatewayFailures = 0
    this.#out.begin(memberOf(cluster, endpoint), nowMs, member.untilMs)
    return true
  }
}
