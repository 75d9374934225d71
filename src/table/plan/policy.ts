/**
 * The layer-4 part of a DestinationRule's traffic policy. Defaults are Istio's, where Istio has the
 * value.
 */

/** How TCP itself finds out that a peer has vanished: its network or its machine is gone. */
export type TcpTimes = {
  /** Probes of a silent peer; null: none. */
  readonly keepalive: Keepalive | null
  /** TCP_USER_TIMEOUT: how long bytes may go unacknowledged; 0: as long as the kernel tries. */
  readonly userTimeoutMs: number
  /** How long a socket may take none of the bytes that wait for it, of either side; 0: no limit. */
  readonly writeTimeoutMs: number
}

/** 0 in a field is the kernel's default. */
export type Keepalive = { readonly timeS: number; readonly intervalS: number; readonly probes: number }

/** The Settings' default: a silent peer that has vanished is gone after two minutes. */
export const DEFAULT_KEEPALIVE: Keepalive = { timeS: 60, intervalS: 15, probes: 4 }

export type Policy = TcpTimes & {
  /** RING_HASH and MAGLEV: by the client's address (`consistentHash`). */
  readonly balance: 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM' | 'RING_HASH' | 'MAGLEV'
  /** How an endpoint that comes into rotation gets its share little by little; null: at once. */
  readonly warmup: Warmup | null
  /** RING_HASH: the points of the ring, at least; MAGLEV: the size of the table; others: 0. */
  readonly hashSize: number
  readonly connectTimeoutMs: number
  /** 0: none. */
  readonly idleTimeoutMs: number
  /** 0: none. */
  readonly maxDurationMs: number
  /** Open connections to this cluster over all workers; 0: no limit. */
  readonly maxConnections: number
  /** Endpoints to try for a connection, each for `connectTimeoutMs`. */
  readonly connectAttempts: number
  /** For all of them together. */
  readonly connectDeadlineMs: number
  /**
   * Whether weir picks an endpoint whose last connect failed after all others, until its back-off
   * is over.
   */
  readonly remembersFailures: boolean
  /** When endpoints are taken out of rotation (`outlierDetection`); null: never. */
  readonly ejection: Ejection | null
  /** The version of the PROXY header that weir sends to an upstream; 0: none. */
  readonly proxyVersion: 0 | 1 | 2
  /** What a header of version 2 says beside addresses and the server name. */
  readonly proxyTlvs: readonly ProxyTlv[]
}

/** The order is that of bits in the table. */
export const PROXY_TLVS = ['ssl', 'alpn', 'unique-id', 'crc32c'] as const
export type ProxyTlv = (typeof PROXY_TLVS)[number]

export const DEFAULT_POLICY: Policy = {
  balance: 'LEAST_REQUEST',
  hashSize: 0,
  warmup: null,
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 3_600_000,
  maxDurationMs: 0,
  maxConnections: 0,
  keepalive: null,
  userTimeoutMs: 0,
  writeTimeoutMs: 0,
  connectAttempts: 3,
  connectDeadlineMs: 15_000,
  remembersFailures: true,
  ejection: null,
  proxyVersion: 0,
  proxyTlvs: [],
}

/** `warmup`, of LEAST_REQUEST and ROUND_ROBIN (stats/warmups.ts). */
export type Warmup = {
  /** > 0. */
  readonly durationMs: number
  /** Of its weight, at first. */
  readonly minimumPercent: number
  /** 1: the weight grows evenly; above: more at the beginning. */
  readonly aggression: number
}

/** `outlierDetection`, as far as connections know it. */
export type Ejection = {
  /**
   * Connects that fail in a row until an endpoint is ejected: `consecutive5xxErrors`, or
   * `consecutiveLocalOriginFailures` where those are split; 0: never.
   */
  readonly failures: number
  /** `consecutiveGatewayErrors`, which counts the same failures; 0: never. */
  readonly gatewayFailures: number
  /** An endpoint comes back at a multiple of it, when its time is up. */
  readonly intervalMs: number
  readonly baseMs: number
  /** Of the endpoints that may be ejected. */
  readonly maxPercent: number
  /** All endpoints are used where fewer are in rotation; 0: never. */
  readonly minHealthPercent: number
}

export const DEFAULT_EJECTION: Ejection = {
  failures: 5,
  gatewayFailures: 0,
  intervalMs: 10_000,
  baseMs: 30_000,
  maxPercent: 10,
  minHealthPercent: 0,
}

/** The values of a policy under their names in a DestinationRule, or else in the Settings. */
export type PolicyField =
  | 'connectTimeout'
  | 'idleTimeout'
  | 'maxConnectionDuration'
  | 'maxConnections'
  | 'tcpKeepalive'
  | 'userTimeout'
  | 'writeTimeout'
  | 'loadBalancer'
  | 'connectAttempts'
  | 'connectDeadline'
  | 'outlierDetection'
  | 'proxyProtocol'
  | 'onRemove'
