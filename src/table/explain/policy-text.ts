/**
 * The effective policy of a destination, in the terms of a DestinationRule, with the place of each
 * value.
 */

import type { ColdCluster } from '../format/cold.ts'
import { Balance, CLUSTER_ORIGINAL, CLUSTER_UNKNOWN, Cluster } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import type { Keepalive } from '../plan/policy.ts'
import { DEFAULT_POLICY, type PolicyField, PROXY_TLVS, type TcpTimes } from '../plan/policy.ts'

/** One value; without file and line it is a default, Istio's if Istio has one. */
export type PolicyValue = {
  readonly field: PolicyField
  readonly value: string
  readonly file: string | null
  readonly line: number | null
}

type Values = Readonly<Record<PolicyField, string>>

/** There is no other endpoint to try. */
const ONE_ADDRESS = '1'

/** For an address that is no service; its listener has the other values. */
const DEFAULTS = {
  connectTimeout: durationText(DEFAULT_POLICY.connectTimeoutMs),
  idleTimeout: durationText(DEFAULT_POLICY.idleTimeoutMs),
  maxConnectionDuration: durationText(DEFAULT_POLICY.maxDurationMs),
  maxConnections: countText(DEFAULT_POLICY.maxConnections),
  loadBalancer: 'PASSTHROUGH',
  connectAttempts: ONE_ADDRESS,
  connectDeadline: durationText(DEFAULT_POLICY.connectTimeoutMs),
  outlierDetection: 'none',
  proxyProtocol: 'none',
  onRemove: 'keep',
}

export function defaultPolicy({ keepalive, userTimeoutMs, writeTimeoutMs }: TcpTimes): PolicyValue[] {
  const { connectTimeout, idleTimeout, maxConnectionDuration, maxConnections, ...others } = DEFAULTS
  const tcp = {
    tcpKeepalive: keepaliveText(keepalive),
    userTimeout: durationText(userTimeoutMs),
    writeTimeout: durationText(writeTimeoutMs),
  }
  const limits = { connectTimeout, idleTimeout, maxConnectionDuration, maxConnections }
  return valuesOf({ ...limits, ...tcp, ...others }, {})
}

/** None for an undefined destination. */
export function policyOf(
  { clusters }: Table,
  cluster: number,
  { policyAt = {}, onRemoveMs }: ColdCluster,
): PolicyValue[] {
  const at = (field: number): number => clusters[cluster * Cluster.WORDS + field]
  if (at(Cluster.kind) === CLUSTER_UNKNOWN) return []
  const isOriginal = at(Cluster.kind) === CLUSTER_ORIGINAL
  const [timeS, intervalS, probes] = [
    Cluster.keepaliveTimeS,
    Cluster.keepaliveIntervalS,
    Cluster.keepaliveProbes,
  ].map(at)
  return valuesOf(
    {
      connectTimeout: durationText(at(Cluster.connectTimeoutMs)),
      idleTimeout: durationText(at(Cluster.idleTimeoutMs)),
      maxConnectionDuration: durationText(at(Cluster.maxDurationMs)),
      maxConnections: countText(at(Cluster.maxConnections)),
      tcpKeepalive: keepaliveText(timeS < 0 ? null : { timeS, intervalS, probes }),
      userTimeout: durationText(at(Cluster.userTimeoutMs)),
      writeTimeout: durationText(at(Cluster.writeTimeoutMs)),
      loadBalancer: isOriginal ? 'PASSTHROUGH' : balanceText(at),
      connectAttempts: isOriginal ? ONE_ADDRESS : String(at(Cluster.connectAttempts)),
      connectDeadline: durationText(at(Cluster.connectDeadlineMs)),
      outlierDetection: isOriginal ? 'none' : ejectionText(at),
      proxyProtocol: proxyText(at(Cluster.proxyVersion), at(Cluster.proxyTlvs)),
      onRemove:
        onRemoveMs === undefined
          ? 'keep'
          : `close over ${onRemoveMs === 0 ? '0s' : durationText(onRemoveMs)}`,
    },
    policyAt,
  )
}

const valuesOf = (values: Values, places: NonNullable<ColdCluster['policyAt']>): PolicyValue[] =>
  (Object.keys(values) as PolicyField[]).map(field => {
    const { file = null, line = null } = places[field] ?? {}
    return { field, value: values[field], file, line }
  })

/** "LEAST_REQUEST, warmup 30s from 10%", "useSourceIp, maglev of 65537". */
function balanceText(at: (field: number) => number): string {
  const size = at(Cluster.hashSize)
  if (at(Cluster.balance) === Balance.RING_HASH) return `useSourceIp, ringHash of ${size} at least`
  if (at(Cluster.balance) === Balance.MAGLEV) return `useSourceIp, maglev of ${size}`
  const name = Object.entries(Balance).find(([, number]) => number === at(Cluster.balance))?.[0] ?? ''
  return at(Cluster.warmupMs) === 0 ? name : `${name}, ${warmupText(at)}`
}

/** "warmup 30s from 10%", with an aggression other than 1. */
function warmupText(at: (field: number) => number): string {
  const aggression = at(Cluster.warmupAggression) / 1000
  const text = `warmup ${durationText(at(Cluster.warmupMs))} from ${at(Cluster.warmupPercent)}%`
  return aggression === 1 ? text : `${text}, aggression ${aggression}`
}

/** "5 failed connects for 30s, 10% at most". */
function ejectionText(at: (field: number) => number): string {
  if (at(Cluster.ejectIntervalMs) === 0) return 'none'
  const counts = [at(Cluster.ejectFailures), at(Cluster.ejectGatewayFailures)].filter(each => each > 0)
  if (counts.length === 0) return 'never ejects'
  const panic = at(Cluster.minHealthPercent)
  const most = `${at(Cluster.ejectMaxPercent)}% at most`
  const text = `${Math.min(...counts)} failed connects for ${durationText(at(Cluster.ejectBaseMs))}, ${most}`
  return panic === 0 ? text : `${text}, all below ${panic}% health`
}

/** "V2 with ssl, alpn". */
function proxyText(version: number, tlvs: number): string {
  if (version === 0) return 'none'
  const said = PROXY_TLVS.filter((_, bit) => (tlvs & (1 << bit)) !== 0)
  return said.length === 0 ? `V${version}` : `V${version} with ${said.join(', ')}`
}

/** 0 is the kernel's default. */
function keepaliveText(keepalive: Keepalive | null): string {
  if (keepalive === null) return 'off'
  const { timeS, intervalS, probes } = keepalive
  const part = (name: string, value: number, unit: string) => (value === 0 ? [] : [`${name} ${value}${unit}`])
  const parts = [
    ...part('time', timeS, 's'),
    ...part('interval', intervalS, 's'),
    ...part('probes', probes, ''),
  ]
  return parts.join(' ') || 'on'
}

/** "250ms", "10s", "1m30s" as "90s", "1h"; 0: none. */
export function durationText(ms: number): string {
  if (ms === 0) return 'none'
  const [size, unit] = (
    [
      [3_600_000, 'h'],
      [60_000, 'm'],
      [1_000, 's'],
    ] as const
  ).find(([each]) => ms % each === 0) ?? [1, 'ms']
  return `${ms / size}${unit}`
}

function countText(count: number): string {
  return count === 0 ? 'none' : String(count)
}
