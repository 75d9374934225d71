/**
 * The Plan: everything that determines the data plane's decisions, as plain values.
 *
 * config/ makes it from the resources, ../build/builder.ts turns it into the table's bytes, and the
 * tests' naive matcher reads it directly: it is the only specification of routing. All names are
 * resolved here (full host names, `namespace/name` gateways), all references are indexes.
 */

import type { Cidr } from '../../address/address.ts'
import type { AccessPolicy, Identity, PlannedLimit } from './access.ts'
import type { Block } from './block.ts'
import type { HealthCheck } from './health-check.ts'
import type { Policy, PolicyField, TcpTimes } from './policy.ts'
import type { Removal } from './removal.ts'
import type { TlsServer, TlsUpstream } from './tls.ts'

export type Plan = {
  readonly listeners: readonly Listener[]
  readonly routes: readonly Route[]
  readonly clusters: readonly Cluster[]
  /** Who a client is, by its address: the longest prefix wins, then the earlier entry. */
  readonly sources: readonly Source[]
  /** Access control; each listener has the indexes of its own. */
  readonly policies?: readonly AccessPolicy[]
  /** Limits per source; each listener has the indexes of its own. */
  readonly limits?: readonly PlannedLimit[]
  /** Destinations whose connections end when their endpoint is removed. */
  readonly removals?: readonly Removal[]
}

/** One socket that accepts: an address and a port, for one Gateway or for the mesh. */
export type Listener = {
  /** 'mesh', or the Gateway as 'namespace/name'. */
  readonly gateway: string
  /** The address to listen on; '': every address, IPv4 and IPv6. */
  readonly bind: string
  /** 1–65535; for a `redirect` listener the port that captured connections arrive at. */
  readonly port: number
  /**
   * Whether it has a socket of its own. False if a Gateway took the mesh's socket: no connection
   * arrives, but `explain` can still say where one would go.
   */
  readonly opens: boolean
  /**
   * Where the destination is read: the socket's local address, or the address before a redirect.
   */
  readonly destination: 'local' | 'original'
  /** The rules that apply, by destination; see `Scope`. */
  readonly scopes: readonly Scope[]
  /** For a destination outside all scopes. */
  readonly otherwise: 'close' | 'passthrough' | 'deny'
  /** The peers that send a PROXY header; absent: none. */
  readonly proxyProtocol?: ReadsProxy
  /** From accept until everything before the decision is read; absent: READ_TIMEOUT_MS. */
  readonly readTimeoutMs?: number
  /** Whether weir reads the client's server name, since rules depend on it; absent: it does not. */
  readonly reads?: ReadsNames
  /**
   * Index of the earlier listener whose socket this one shares, and whose scopes are tried together
   * with its own: another Gateway's servers on the same port. It does not open.
   */
  readonly shares?: number
  /** Indexes into `Plan.policies`, ascending; absent: everybody may connect. */
  readonly policies?: readonly number[]
  /** Indexes into `Plan.limits`, which all apply. */
  readonly limits?: readonly number[]
  /**
   * When its clients count as gone; at `otherwise: passthrough` what is dialed, too, and
   * `writeTimeoutMs` counts only there. Absent: as the kernel says.
   */
  readonly tcp?: TcpTimes
}

/** How clients name their server: by TLS, or by TLS after PostgreSQL's request for it. */
type ReadsNames = 'tls' | 'postgres'

/** The same as the timeout of Istio's gateways for listener filters. */
export const READ_TIMEOUT_MS = 15_000

/** A place in the files. */
export type WrittenAt = { readonly file: string; readonly line: number }

/** How a listener reads the header in which a load balancer names its client. */
export type ReadsProxy = {
  /** Senders, by the address of the socket: each of them must send a header. At least one range. */
  readonly from: readonly Cidr[]
  /** Whether weir resets all other connections; otherwise it serves them without a header. */
  readonly require: boolean
  readonly versions: readonly (1 | 2)[]
  /** From accept until the header is whole; at most the listener's `readTimeoutMs`. */
  readonly timeoutMs: number
  /** Its place in the files, if it has one. */
  readonly at?: WrittenAt
}

/**
 * The rules for one service (mesh), or for all of a listener (gateway).
 *
 * Of a listener's scopes, weir takes the one for the port with the longest address prefix around
 * the destination; among those the one that takes the client's server name by the most specific
 * pattern; among equals the first.
 */
export type Scope = {
  /** Full name of the mesh service; '' at a gateway. */
  readonly host: string
  /** Destination port, at a gateway its own port; 0: any. */
  readonly port: number
  /** Destination ranges; empty: any address (like a prefix of length 0, of both families). */
  readonly addresses: readonly Cidr[]
  /**
   * The clients that it takes, by their first bytes; absent: all. Of a listener and those that
   * share its socket all scopes have it, or none has.
   */
  readonly takes?: Takes
  /** False if weir can only explain it yet: its connections find no route. */
  readonly serves?: boolean
  /** weir terminates TLS for its clients; only with `takes`, and never with `takes.plain`. */
  readonly tls?: TlsServer
  /** In the order of evaluation; the first that matches counts. */
  readonly rules: readonly Rule[]
  /** Services that only some clients see, each behind its own rules; in the order of `after`. */
  readonly defaults?: readonly ScopeDefault[]
  /**
   * The route if no rule matches (a mesh service itself), or an outcome (../format/outcome.ts); −1
   * closes the connection.
   */
  readonly defaultRoute: number
}

/** A Gateway's server, as a client sees it. */
export type Takes = {
  /**
   * Patterns of server names, in lower case: "db.example.com", "*.example.com" for one label or
   * more before it, "*" for any name and for none.
   */
  readonly names: readonly string[]
  /** Whether it takes clients that do not begin with TLS. */
  readonly plain: boolean
}

/** A mesh service for the clients of some namespaces: these never try a later rule. */
export type ScopeDefault = {
  /** How many rules of the scope are tried before it. */
  readonly after: number
  readonly visibleTo: readonly string[]
  /** Index into `Plan.routes`. */
  readonly route: number
}

/** In `visibleTo`: clients whose namespace is unknown. */
export const UNKNOWN_CLIENT = ''

/** One match block of one route (or one route without `match`): all its conditions must hold. */
export type Rule = {
  readonly origin: RuleOrigin
  /** The destination lies in any of these; empty: no condition. */
  readonly destinations: readonly Cidr[]
  /** Destination port, at a gateway its own port; 0: no condition. */
  readonly port: number
  /** One of these patterns matches the client's server name (see `Takes`); absent: no condition. */
  readonly names?: readonly string[]
  /** The client's address lies in any of these (`sourceSubnet`); empty: no condition. */
  readonly clients: readonly Cidr[]
  readonly source: SourceCondition
  /** Index into `Plan.routes`. */
  readonly route: number
  /**
   * Why this rule can never match on this listener ("gateways: …"), decided while planning; null
   * for a rule to try. Kept for `explain`; the data plane never sees such a rule.
   */
  readonly never: string | null
}

/** The place of a rule. */
export type RuleOrigin = {
  /** 'namespace/name', or 'TCPRoute namespace/name'. */
  readonly virtualService: string
  readonly block: Block
  /** Index of the route in its block. */
  readonly route: number
  /** Index of the match in its route, or of a TLSRoute's hostname; null without `match`. */
  readonly match: number | null
  readonly file: string
  readonly line: number
}

/** The conditions of a rule on the client's workload, which must all hold. */
export type SourceCondition = {
  /** `sourceNamespace`; null: no condition. */
  readonly namespace: string | null
  /** `sourceLabels`: the client has each with this value; more labels are fine. */
  readonly labels: Readonly<Record<string, string>>
  /**
   * Mesh `exportTo`: the client's namespace is one of these (UNKNOWN_CLIENT: unknown); null: no
   * condition.
   */
  readonly visibleTo: readonly string[] | null
  /** The identity that a policy asks for: one of the patterns (access.ts); absent: no condition. */
  readonly identity?: { readonly of: Identity; readonly patterns: readonly string[] }
}

/** How a destination is picked: the values of `gateway.weir/split`. */
export const SPLITS = ['random', 'exact', 'sticky'] as const
export type Split = (typeof SPLITS)[number]

/** What becomes of connections to a destination of which all endpoints are down. */
export const ON_DEAD = ['fail', 'redistribute'] as const
export type OnDead = (typeof ON_DEAD)[number]

/** The destinations of a rule. */
export type Route = {
  /** Stable over reloads while the route means the same: split counters are kept under it. */
  readonly identity: string
  /**
   * At least one; weights are positive, except for a single destination, whose weight does not
   * matter.
   */
  readonly destinations: readonly WeightedDestination[]
  readonly split: Split
  /** Absent: 'fail'. */
  readonly onDead?: OnDead
}

type WeightedDestination = {
  /** Index into `Plan.clusters`. */
  readonly cluster: number
  /** 0 – 2^31−1. */
  readonly weight: number
}

/**
 * A host, a subset of it and a port: what Istio calls a cluster, with its effective traffic policy.
 */
export type Cluster = {
  /** Full name. */
  readonly host: string
  readonly subset: string | null
  readonly port: number
  /**
   * `static`: one of `endpoints`. `original`: the address that the client dialed (resolution NONE,
   * passthrough). `unknown`: no resource defines it, so its connections are reset.
   */
  readonly kind: 'static' | 'original' | 'unknown'
  /** It is `unknown` because no ReferenceGrant allows it: somebody wants it closed. */
  readonly forbidden?: true
  readonly endpoints: readonly Endpoint[]
  /** Endpoints that are names (resolution DNS); their addresses join `endpoints` once known. */
  readonly names: readonly { readonly name: string; readonly port: number }[]
  /** If there are names: all endpoints as written, in order (resolve.ts). */
  readonly places?: readonly Place[]
  /** Region/zone/subzone of its endpoints; absent: these are not drawn in groups. */
  readonly localities?: readonly string[]
  /** The labels that all workloads behind it and its subset share: its identity in metrics. */
  readonly labels: Readonly<Record<string, string>>
  readonly policy: Policy
  /** The places of its policy's values; missing ones are defaults. */
  readonly policyAt?: Readonly<Partial<Record<PolicyField, WrittenAt>>>
  /** How its endpoints are checked; absent: not at all. */
  readonly check?: HealthCheck
  /** weir speaks TLS to it; absent: the client's bytes as they are. */
  readonly tls?: TlsUpstream
  /** Connections of an endpoint that is removed are ended over this time; absent: they are kept. */
  readonly onRemoveMs?: number
}

/** An endpoint as written: an IP address, or a name for any number of them. */
export type Place = Placing & {
  readonly place: string
  readonly port: number
  readonly weight: number
  /** Only the first address of the name counts (DNS_ROUND_ROBIN). */
  readonly onlyFirst?: true
}

/** The group of endpoints that one belongs to, where its cluster has `localities`. */
export type Placing = {
  /** 0 is used first; then the next that has an endpoint. Absent: 0. */
  readonly priority?: number
  /** Index into the cluster's `localities`. */
  readonly locality?: number
  /** The weight of its locality among those of its priority; absent: these are drawn as one. */
  readonly share?: number
}

export type Endpoint = Placing & {
  /** An IP address. */
  readonly address: string
  readonly port: number
  /** ≥ 1. */
  readonly weight: number
}

/** A client address range and the workload behind it. */
export type Source = {
  readonly cidr: Cidr
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  /** Absent: unknown, or no policy asks for it. */
  readonly serviceAccount?: string
}
