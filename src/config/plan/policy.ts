/**
 * The effective traffic policy of a destination.
 *
 * Blocks replace each other as a whole; fields are never merged: the port's entry replaces the
 * rule's top level, the subset's blocks override that, and the subset's entry for the port
 * overrides all of it, including what it leaves out (pilot/pkg/networking/util/util.go,
 * MergeTrafficPolicy). A port's entry cannot have `proxyProtocol`, and does not remove it, as it
 * does in Istio. Istio takes the idle timeout and the maximum duration from the top level of a
 * route's first destination; weir takes everything from the picked destination, as the API
 * documentation says.
 */

import { DEFAULT_EJECTION, DEFAULT_POLICY, type Ejection, type Policy } from '../../table/plan/policy.ts'
import { parseDuration } from '../settings/duration.ts'
import { type ConnectPolicy, deadlineFor } from './connect-policy.ts'
import type { PolicyBlocks, ProxyProtocol, TrafficPolicy } from './inputs.ts'
import { readBalancing } from './load-balancer.ts'

type EffectivePolicy = {
  readonly policy: Policy
  /**
   * `loadBalancer.simple: PASSTHROUGH`: weir dials the client's own destination, whatever the
   * endpoints are.
   */
  readonly passthrough: boolean
  /** The blocks that it was read from. */
  readonly blocks: PolicyBlocks & Pick<TrafficPolicy, 'proxyProtocol'>
}

export function effectivePolicy(
  top: TrafficPolicy | undefined,
  subset: TrafficPolicy | undefined,
  port: number,
  connect: ConnectPolicy,
): EffectivePolicy {
  const inherited: PolicyBlocks = ofPort(top, port) ?? top ?? {}
  const blocks = ofPort(subset, port) ?? {
    connectionPool: subset?.connectionPool ?? inherited.connectionPool,
    loadBalancer: subset?.loadBalancer ?? inherited.loadBalancer,
    outlierDetection: subset?.outlierDetection ?? inherited.outlierDetection,
    tls: subset?.tls ?? inherited.tls,
  }
  const proxyProtocol = subset?.proxyProtocol ?? top?.proxyProtocol
  const simple = blocks.loadBalancer?.simple
  return {
    policy: { ...readPolicy(blocks, connect), ...proxyOf(proxyProtocol, connect) },
    passthrough: simple === 'PASSTHROUGH',
    blocks: { ...blocks, proxyProtocol },
  }
}

type Introduction = Pick<Policy, 'proxyVersion' | 'proxyTlvs'>

/** Version 1 by default, as in Istio; it has no TLVs. */
function proxyOf(block: ProxyProtocol | null | undefined, { proxyTlvs }: ConnectPolicy): Introduction {
  if (!block) return { proxyVersion: 0, proxyTlvs: [] }
  return block.version === 'V2' ? { proxyVersion: 2, proxyTlvs } : { proxyVersion: 1, proxyTlvs: [] }
}

const ofPort = (policy: TrafficPolicy | undefined, port: number): PolicyBlocks | undefined =>
  policy?.portLevelSettings?.find(each => each.port?.number === port)

function readPolicy(
  { connectionPool, loadBalancer, outlierDetection }: PolicyBlocks,
  connect: ConnectPolicy,
): Omit<Policy, keyof Introduction> {
  const tcp = connectionPool?.tcp ?? {}
  const connectTimeoutMs = readMs(tcp.connectTimeout, DEFAULT_POLICY.connectTimeoutMs)
  return {
    ...readBalancing(loadBalancer),
    connectTimeoutMs,
    idleTimeoutMs: readMs(tcp.idleTimeout, DEFAULT_POLICY.idleTimeoutMs),
    maxDurationMs: readMs(tcp.maxConnectionDuration, DEFAULT_POLICY.maxDurationMs),
    maxConnections: tcp.maxConnections ?? DEFAULT_POLICY.maxConnections,
    keepalive: tcp.tcpKeepalive
      ? {
          timeS: Math.floor(readMs(tcp.tcpKeepalive.time, 0) / 1000),
          intervalS: Math.floor(readMs(tcp.tcpKeepalive.interval, 0) / 1000),
          probes: tcp.tcpKeepalive.probes ?? 0,
        }
      : connect.keepalive,
    userTimeoutMs: connect.userTimeoutMs,
    writeTimeoutMs: connect.writeTimeoutMs,
    connectAttempts: connect.attempts,
    connectDeadlineMs: deadlineFor(connect, connectTimeoutMs),
    // If the operator defines when an endpoint counts as failed, weir's own memory of failures is
    // off.
    remembersFailures: (outlierDetection ?? null) === null,
    ejection: outlierDetection ? readEjection(outlierDetection) : null,
  }
}

/**
 * As Istio translates it for Envoy (cluster_traffic_policy.go, applyOutlierDetection). Of a TCP
 * connection only the connect counts. It is a gateway error and a 5xx error at once; where the
 * local origin's errors are split, it is neither.
 */
function readEjection(block: NonNullable<PolicyBlocks['outlierDetection']>): Ejection {
  const isSplit = block.splitExternalLocalOriginErrors === true
  const { failures, gatewayFailures, intervalMs, baseMs, maxPercent } = DEFAULT_EJECTION
  return {
    failures: isSplit
      ? block.consecutiveLocalOriginFailures || failures
      : (block.consecutive5xxErrors ?? failures),
    gatewayFailures: isSplit ? 0 : (block.consecutiveGatewayErrors ?? gatewayFailures),
    intervalMs: readMs(block.interval, intervalMs) || intervalMs,
    baseMs: readMs(block.baseEjectionTime, baseMs) || baseMs,
    maxPercent: Math.min(100, block.maxEjectionPercent || maxPercent),
    minHealthPercent: block.minHealthPercent ?? DEFAULT_EJECTION.minHealthPercent,
  }
}

/** Istio counts whole milliseconds; less than one is 0, which turns a timeout off. */
const readMs = (text: string | undefined, absent: number): number =>
  text ? Math.floor(parseDuration(text) ?? absent) : absent
