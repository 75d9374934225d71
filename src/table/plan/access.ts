/**
 * Who may connect: AuthorizationPolicies as far as they concern connections, and limits for each
 * source. Part of the Plan (plan.ts).
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
  /** It denies nothing yet: what it would deny is marked. */
  readonly dryRun: boolean
  readonly rules: readonly AccessRule[]
  readonly file: string
  readonly line: number
}

export type AccessRule = {
  /** Why no connection matches, whatever it is; null for a rule to try. */
  readonly never: string | null
  /** None: anybody. */
  readonly from: readonly (readonly Test[])[]
  /** None: anywhere. */
  readonly to: readonly (readonly Test[])[]
  readonly when: readonly Test[]
}

/** What a connection is asked for; `not` turns the answer round. */
export type Test = {
  /** As it is written: "ipBlocks", "notPorts", "source.ip". */
  readonly field: string
  readonly not: boolean
} & (
  | {
      /** The socket's other end; the client, after a PROXY header; where it wants to. */
      readonly of: 'peer' | 'client' | 'destination'
      readonly cidrs: readonly Cidr[]
    }
  /** The listener's at a gateway, that of the destination at the mesh. */
  | { readonly of: 'port'; readonly ports: readonly number[] }
  /** What a TLS client asks for; a connection without one is as one that asks for ''. */
  | { readonly of: 'serverName'; readonly patterns: readonly string[] }
  | { readonly of: Identity; readonly patterns: readonly string[]; readonly isKnown: boolean }
)

/**
 * Who the client is to the mesh. Without mutual TLS nobody is anyone; `isKnown` takes a client for
 * the workload that has its address.
 */
export type Identity = 'namespace' | 'principal' | 'serviceAccount' | 'trustDomain'

/** How many connections one source may have. */
export type SourceLimit = {
  /** Open at the same time; 0 is no limit. */
  readonly connections: number
  /** New ones a second; 0 is no limit. */
  readonly rate: number
  /** How many may come at once after a pause. */
  readonly burst: number
  /** Addresses that share their first bits are one source. */
  readonly prefix4: number
  readonly prefix6: number
}

/** A limit, and what it is counted for. */
export type PlannedLimit = SourceLimit & {
  /** '' is all listeners; else 'namespace/name' of the Gateway. */
  readonly gateway: string
}
