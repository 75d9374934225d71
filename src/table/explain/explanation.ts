/** The questions to a table, and its answers. */

import type { OnDead, RuleOrigin } from '../plan/plan.ts'
import type { ClusterEnd, EarlyEnd } from './ends.ts'
import type { ExplainedGroup } from './group-text.ts'
import type { PolicyValue } from './policy-text.ts'
import type { ExplainedTls, ExplainedUpstream } from './tls-text.ts'

/** A connection to ask about; addresses as text, everything but the destination's port optional. */
export type Question = {
  /** 'mesh', 'namespace/name', or 'name' (in any namespace; `default` first). */
  readonly gateway: string
  readonly source: {
    readonly ip?: string
    /** Overrides the table's identity of `ip`. */
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly destination: { readonly ip?: string; readonly port: number }
  /** The other end of the socket; without it, a peer from which `source` could come. */
  readonly peer?: string
  readonly sni?: string
  /** A name of the client's certificate, verified: spiffe://…, another URI, a host, or CN=…. */
  readonly identity?: string
}

/** The effect of a listener's PROXY settings on a connection. */
export type ExplainedHeader = {
  /** The peers that must send one. */
  readonly from: readonly string[]
  /** Whether weir resets all other peers. */
  readonly required: boolean
  readonly versions: readonly number[]
  /** The given peer: it sends a header, is the client, or is reset; null: no peer given. */
  readonly peer: 'sender' | 'client' | 'untrusted' | null
}

/** The verdict of the listener's policies on a connection. */
export type ExplainedAccess = {
  /** Row of the listener whose policies they are. */
  readonly listener: number
  /** "edge/allow-office rules[0]"; null: it may connect. */
  readonly deniedBy: string | null
  /** The same if dry runs counted. */
  readonly wouldBeDeniedBy: string | null
  readonly auditedBy: string | null
  /** For a denial: the conditions that hold, or that do not. */
  readonly because: string | null
}

export type Explanation = {
  readonly outcome: 'route' | 'default' | 'passthrough' | 'no-route' | 'denied'
  /** One sentence, for people. */
  readonly reason: string
  /** The reason that the connection would end with before a dial; null: it can be served. */
  readonly ends: EarlyEnd | null
  readonly generation: number
  /** The socket that would accept it: "default/tcp-gw 127.0.0.1:9000"; null: none. */
  readonly listener: string | null
  /** The server that ends TLS for it; null: none does. */
  readonly tls: ExplainedTls | null
  /** null: the listener reads no PROXY header. */
  readonly proxyProtocol: ExplainedHeader | null
  readonly client: { readonly namespace: string | null; readonly labels: Readonly<Record<string, string>> }
  /** null: the listener has no policies. */
  readonly authorization: Omit<ExplainedAccess, 'listener'> | null
  readonly rule: RuleOrigin | null
  readonly destinations: readonly ExplainedDestination[]
  /** What becomes of the share of a destination that is down; null: there is no split. */
  readonly onDead: OnDead | null
  /** Rules tried before, in order. */
  readonly rejected: readonly (Omit<RuleOrigin, 'file' | 'line'> & { readonly because: string })[]
}

export type ExplainedDestination = {
  readonly host: string
  readonly subset: string | null
  readonly port: number
  /** How weir speaks TLS to it; null: it does not. */
  readonly tls: ExplainedUpstream | null
  readonly weight: number
  /** 0 – 1. */
  readonly share: number
  readonly endpoints: readonly string[]
  /** Their priorities and localities; null: they are alike. */
  readonly groups: readonly ExplainedGroup[] | null
  /** The one that the client's address leads to; null: it is not known, or does not matter. */
  readonly byAddress: string | null
  /** The reason for every connection that gets it; null: it can be served. */
  readonly ends: ClusterEnd | null
  /** In force for its connections. */
  readonly policy: readonly PolicyValue[]
}
