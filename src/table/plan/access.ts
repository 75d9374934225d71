/**
 * Access control: AuthorizationPolicies as far as they concern connections, and limits per source.
 * Part of the Plan (plan.ts).
 *
 * A connection is denied if a DENY policy of its listener matches it, or if the listener has ALLOW
 * policies and none of them does. A policy matches if one of its rules does, a rule if one of its
 * `from`, one of its `to` and all of its `when` hold; each of these is a list of tests that all
 * must hold.
 */

import type { Cidr } from '../../address/address.ts'

export type AccessPolicy = {
  /** 'namespace/name'. */
  readonly name: string
  /** AUDIT marks what it matches, and denies nothing. */
  readonly action: 'ALLOW' | 'DENY' | 'AUDIT'
  /** A dry run: weir marks what it would deny. */
  readonly dryRun: boolean
  readonly rules: readonly AccessRule[]
  readonly file: string
  readonly line: number
}

export type AccessRule = {
  /** Why it matches no connection at all; null for a rule to try. */
  readonly never: string | null
  /** None: anybody. */
  readonly from: readonly (readonly Test[])[]
  /** None: anywhere. */
  readonly to: readonly (readonly Test[])[]
  readonly when: readonly Test[]
}

/** A condition on a connection; `not` negates it. */
export type Test = {
  /** As it is written: "ipBlocks", "notPorts", "source.ip". */
  readonly field: string
  readonly not: boolean
} & (
  | {
      /** The socket's other end; the client, after a PROXY header; the destination. */
      readonly of: 'peer' | 'client' | 'destination'
      readonly cidrs: readonly Cidr[]
    }
  /** The listener's at a gateway, that of the destination at the mesh. */
  | { readonly of: 'port'; readonly ports: readonly number[] }
  /** The server name of a TLS client; a connection without one counts as asking for ''. */
  | { readonly of: 'serverName'; readonly patterns: readonly string[] }
  | { readonly of: Identity; readonly patterns: readonly string[]; readonly isKnown: boolean }
)

/**
 * The client's identity in the mesh: that of the certificate that it has shown to a Gateway's
 * server. `isKnown` gives a client without one the identity of the workload at its address.
 */
export type Identity = 'namespace' | 'principal' | 'serviceAccount' | 'trustDomain'

/** A limit per source. */
export type SourceLimit = {
  /** Open at the same time; 0: no limit. */
  readonly connections: number
  /** New ones a second; 0: no limit. */
  readonly rate: number
  /** How many may come at once after a pause. */
  readonly burst: number
  /** Addresses that share this many first bits are one source. */
  readonly prefix4: number
  readonly prefix6: number
}

/** A limit, and its listeners. */
export type PlannedLimit = SourceLimit & {
  /** '': all listeners; else 'namespace/name' of the Gateway. */
  readonly gateway: string
}
