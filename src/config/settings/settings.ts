/**
 * Settings: how this process runs, as a document like the others
 * (`apiVersion: gateway.weir/v1`, `kind: Settings`).
 *
 * Every field is optional; DEFAULT_SETTINGS has the default of each, and docs/configuration.md
 * shows it. Command-line flags override.
 */

import type { Cidr } from '../../address/address.ts'
import type { SourceLimit } from '../../table/plan/access.ts'
import type { HealthCheck } from '../../table/plan/health-check.ts'
import { READ_TIMEOUT_MS, type ReadsProxy } from '../../table/plan/plan.ts'
import { DEFAULT_KEEPALIVE, type Keepalive } from '../../table/plan/policy.ts'

export type AdminSettings = {
  /** '': every address. */
  readonly address: string
  readonly port: number
  /** Path of a UNIX socket, instead of address and port; '': none. */
  readonly socket: string
  /** Names beside localhost that browsers and scrapers may use. */
  readonly hosts: readonly string[]
  /** Who may read and change; null: whoever can connect reads, and this machine changes. */
  readonly auth: AdminAuth | null
  /** Gateways that /fleet and the page show as one: addresses or names, with a port or without. */
  readonly fleet: readonly string[]
}

export type AdminAuth = {
  /** Files with a token each, and what it lets do. */
  readonly tokens: readonly { readonly file: string; readonly role: 'read' | 'change' }[]
  /** Users of the UNIX socket who may change, beside root and the gateway's own. */
  readonly peerUids: readonly number[]
}

export type Settings = {
  /** Worker threads; 0: one for each CPU that this process may use. */
  readonly workers: number
  readonly engine: 'auto' | 'uring' | 'epoll' | 'node'
  readonly profile: 'sidecar' | 'ambient'
  /** Which workload this gateway is; null serves every Gateway. */
  readonly workload: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> } | null
  /** Where this gateway is, for localityLbSetting and trafficDistribution; null: unknown. */
  readonly locality: LocalitySettings | null
  readonly mesh: {
    /** Address of the mesh listeners; '': every address, IPv4 and IPv6. */
    readonly bind: string
    /**
     * `ports`: a listener for each service port. `redirect`: one listener behind a redirect.
     * `none`: no mesh listener.
     */
    readonly capture: 'ports' | 'redirect' | 'none'
    /** Port of the one listener of `capture: redirect`. */
    readonly port: number
    /** How weir treats an address that is no service. */
    readonly outbound: 'ALLOW_ANY' | 'REGISTRY_ONLY'
  }
  /** Identities of clients that no WorkloadEntry or Pod describes. */
  readonly sources: readonly {
    readonly cidr: Cidr
    readonly namespace: string
    readonly labels: Readonly<Record<string, string>>
  }[]
  /** The admin listener; null: off. */
  readonly admin: AdminSettings | null
  readonly drain: {
    readonly timeoutMs: number
    /** How long to serve new connections after SIGTERM, while not ready. */
    readonly lameDuckMs: number
  }
  /**
   * How weir treats a change that takes a destination from rules: control/guard/reload-guard.ts;
   * and the folder that keeps the history of reloads over restarts, null: none.
   */
  readonly reload: { readonly guard: 'refuse' | 'warn' | 'strict'; readonly history: string | null }
  /** A line per connection; null: off. */
  readonly accessLog: AccessLogSettings | null
  /**
   * Open connections over all workers; weir resets more, with a counted reason. 0: what the
   * open-file limit allows.
   */
  readonly maxConnections: number
  /** Endpoints of one destination to try for a connection; Istio tries one. */
  readonly connectAttempts: number
  /**
   * For all attempts together; null: 15 s, or the destination's connect timeout if that is longer.
   */
  readonly connectDeadlineMs: number | null
  /** Probes of silent clients, and of upstreams without a tcpKeepalive of their own; null: none. */
  readonly keepalive: Keepalive | null
  /** TCP_USER_TIMEOUT of both sides; 0: none. */
  readonly userTimeoutMs: number
  /** How long a side may take no byte of those that wait for it; 0: no limit. */
  readonly writeTimeoutMs: number
  /** Time to read what a connection sends before weir decides about it, from accept. */
  readonly reading: { readonly timeoutMs: number }
  /**
   * The senders of PROXY headers, and the listeners; the first entry that matches a listener
   * counts.
   */
  readonly proxyProtocol: readonly ProxySetting[]
  /** Health checks of destinations; the first entry that fits one counts, before an annotation. */
  readonly healthChecks: readonly HealthCheckSetting[]
  readonly authorization: AuthorizationSettings
  /** Name servers with their ports, instead of those of resolv.conf; none: those. */
  readonly dns: { readonly servers: readonly string[] }
  /** What weir reads of a cluster's API, with `--kubernetes`. */
  readonly kubernetes: KubernetesReading
  /** Limits per source over all listeners; null: none. */
  readonly limits: { readonly perSource: SourceLimit | null }
}

type KubernetesReading = {
  /** Namespaces to read; none: all. */
  readonly namespaces: readonly string[]
  /** Labels that a Gateway must have to be read; none: every Gateway is. */
  readonly gatewaySelector: Readonly<Record<string, string>>
  /** The GatewayClass that a Gateway of Gateway API must name to be read; null: any. */
  readonly gatewayClass: string | null
  /** Whether weir writes what it makes of resources into their status, and Events. */
  readonly status: boolean
  /** Where clients reach the Gateways of Gateway API, for their status; none: where weir runs. */
  readonly addresses: readonly string[]
}

export type AuthorizationSettings = {
  /**
   * `address`: a client is the workload with its address, so anyone who can send from it is that
   * workload.
   */
  readonly identity: 'none' | 'address'
  /** How weir treats open connections that changed policies deny. */
  readonly onChange: 'keep' | 'revoke'
  readonly revokeOverMs: number
}

export type HealthCheckSetting = HealthCheck & {
  readonly host: string
  /** null: all of them, and the host itself. */
  readonly subset: string | null
  /** 0: all. */
  readonly port: number
}

export type ProxySetting = Omit<ReadsProxy, 'timeoutMs' | 'at'> & {
  /** null: 5 s, or that of `reading` if it is shorter. */
  readonly timeoutMs: number | null
  /** 'mesh', or Gateways as 'namespace/name'; none: every listener. */
  readonly gateways: readonly string[]
  /** Ports of listeners; none: any. */
  readonly ports: readonly number[]
}

/** '': unknown. */
export type LocalitySettings = {
  readonly region: string
  readonly zone: string
  readonly subzone: string
  readonly node: string
  readonly network: string
}

type AccessLogSettings = {
  /** A file, or '/dev/stdout'. */
  readonly path: string
  readonly format: 'json' | 'text'
  /** Whether to write a line when a connection is established, too. */
  readonly open: boolean
  /** Interval of further lines for open connections; 0: none. */
  readonly everyMs: number
}

export const DEFAULT_ACCESS_LOG: AccessLogSettings = {
  path: '/dev/stdout',
  format: 'json',
  open: false,
  everyMs: 0,
}

/** The default of the admin listener. */
export const DEFAULT_ADMIN: AdminSettings = {
  address: '127.0.0.1',
  port: 15021,
  socket: '',
  hosts: [],
  auth: null,
  fleet: [],
}

export const DEFAULT_SETTINGS: Settings = {
  workers: 0,
  engine: 'auto',
  profile: 'sidecar',
  workload: null,
  locality: null,
  mesh: { bind: '', capture: 'ports', port: 15001, outbound: 'ALLOW_ANY' },
  sources: [],
  admin: DEFAULT_ADMIN,
  drain: { timeoutMs: 30_000, lameDuckMs: 0 },
  reload: { guard: 'refuse', history: null },
  accessLog: null,
  maxConnections: 0,
  connectAttempts: 3,
  connectDeadlineMs: null,
  keepalive: DEFAULT_KEEPALIVE,
  userTimeoutMs: 0,
  writeTimeoutMs: 0,
  reading: { timeoutMs: READ_TIMEOUT_MS },
  proxyProtocol: [],
  healthChecks: [],
  authorization: { identity: 'none', onChange: 'keep', revokeOverMs: 30_000 },
  dns: { servers: [] },
  kubernetes: { namespaces: [], gatewaySelector: {}, gatewayClass: null, status: false, addresses: [] },
  limits: { perSource: null },
}
