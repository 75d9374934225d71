/** The records of the routing part: from a socket to a destination, and how it is dialed. */

import { layout } from '../../base/layout.ts'

/** What a listener does with a destination outside all its scopes. */
export const Otherwise = { close: 0, passthrough: 1, deny: 2 } as const

export const Listener = layout(19, {
  port: [0, 1],
  original: [1, 1], //  1: the destination is the one before a redirect
  otherwise: [2, 1], // Otherwise
  onlyScope: [3, 1], // the scope that takes every destination, if it is the only one; else ABSENT
  opens: [4, 1], //     1: has a socket; 0: only for explain
  rulePort: [5, 1], //       what rules ask for: a gateway's own port; 0: that of the destination
  proxyVersions: [6, 1], //  versions of the PROXY header that it reads: bit (version − 1); 0: none
  proxyRequired: [7, 1], //  1: weir resets peers that are not among its senders
  proxyTimeoutMs: [8, 1], // from accept until the header is whole; at most readTimeoutMs
  firstSender: [9, 1], //    run of prefixes: the senders, in words
  senderCount: [10, 1],
  readTimeoutMs: [11, 1], //  from accept until everything before the decision is read
  senders: [12, 1], //       the address set of the senders
  names: [13, 1], //         Names
  keepaliveTimeS: [14, 1], // of its clients' sockets, and of those that dial what is no service
  keepaliveIntervalS: [15, 1],
  keepaliveProbes: [16, 1], // 0: keepalive off
  userTimeoutMs: [17, 1], //   0: none
  writeTimeoutMs: [18, 1], //  of what dials what is no service; 0: none
})

/** How a listener learns the server name that its clients ask for. */
export const Names = { unheard: 0, tls: 1, postgres: 2 } as const

/**
 * The rules of a scope. If they depend on the client's server name, there is one more row for each
 * set of rules that names can select.
 */
export const Scope = layout(10, {
  firstRule: [0, 1],
  ruleCount: [1, 1],
  defaultRoute: [2, 1], //  signed, as all in this section; negative: an outcome, such as −1, no route
  anyPortChain: [3, 1], // the chain of the rules without a port; −1: none
  ports: [4, 1], //        one bit per port of its rules: bit (port mod 32); chainIndex has their chains
  byName: [5, 1], //       1: namedScopes has the row that applies, by the client's server name
  of: [6, 1], //           the scope of these rules: itself, or the one that a further row belongs to
  listener: [7, 1],
  serves: [8, 1], //       0: only for explain; its connections find no route
  tls: [9, 1], //          1 + its row among the TLS servers (tls.ts); 0: weir terminates no TLS
})

/** In namedScopes: nobody takes these clients, though somebody takes those of wider names. */
export const NOBODY = 0xfffffffe

export const Rule = layout(7, {
  port: [0, 1], //              0: no condition
  firstDestination: [1, 1], //  run of prefixes; none: no condition
  destinationCount: [2, 1],
  firstClient: [3, 1], //       run of prefixes; none: no condition
  clientCount: [4, 1],
  condition: [5, 1], //         a bit of `workloads`; 0: no condition
  route: [6, 1],
})

export const Prefix = layout(6, {
  family: [0, 1], //   4 or 6
  bits: [1, 1],
  address: [2, 4],
})

/** An address set: the positions of its tries in the section, in words. */
export const AddressSetHead = layout(4, {
  first4: [0, 1],
  count4: [1, 1],
  first6: [2, 1],
  count6: [3, 1],
})

export const Split = { random: 0, exact: 1, sticky: 2, exactPaired: 3 } as const

/** The kinds of splits. */
export const SPLIT_NAMES: ReadonlyMap<number, 'random' | 'exact' | 'sticky'> = new Map([
  [Split.random, 'random'],
  [Split.exact, 'exact'],
  [Split.exactPaired, 'exact'],
  [Split.sticky, 'sticky'],
])

export const Route = layout(8, {
  firstSplit: [0, 1],
  splitCount: [1, 1], // ≥ 1
  split: [2, 1], //      Split; random for a single destination
  slot: [3, 1], //       exact: its ticket counter in the shared counts; sticky: its clients there, 0: not counted
  firstTurn: [4, 1], //  exact and sticky: where its turns begin, in halves of words; exactPaired: the first group's share
  turnCount: [5, 1], //  exact: the schedule's length; sticky: BUCKETS; exactPaired: the period
  redistributes: [6, 1], // 1: a destination that is down gives its share to the others
  sharedSlot: [7, 1], //    exact: the ticket counter of what is given to others
})

/**
 * One weighted destination; threshold and alias are Vose's tables for this column
 * (../match/pick.ts).
 */
export const Destination = layout(4, {
  cluster: [0, 1],
  weight: [1, 1],
  threshold: [2, 1], // stay in this column if a random word is below it; exactPaired: the weight without the common factor
  alias: [3, 1], //     else this column, counted from the route's first
})

export const CLUSTER_STATIC = 0
export const CLUSTER_ORIGINAL = 1
export const CLUSTER_UNKNOWN = 2
export const Balance = { LEAST_REQUEST: 0, ROUND_ROBIN: 1, RANDOM: 2, RING_HASH: 3, MAGLEV: 4 } as const

/** What a PROXY header of version 2 says beside addresses and the server name; bits. */
export const ProxyTlvs = { ssl: 1, alpn: 2, uniqueId: 4, crc32c: 8 } as const

export const Cluster = layout(29, {
  kind: [0, 1],
  balance: [1, 1], //           Balance
  connectTimeoutMs: [2, 1],
  idleTimeoutMs: [3, 1], //     0: none
  maxDurationMs: [4, 1], //     0: none
  maxConnections: [5, 1], //    0: none
  slot: [6, 1], //              its word in the shared counts
  keepaliveTimeS: [7, 1], //    −1: keepalive off; 0: the kernel's default
  keepaliveIntervalS: [8, 1],
  keepaliveProbes: [9, 1],
  connectAttempts: [10, 1], //   endpoints to try for a connection
  connectDeadlineMs: [11, 1], // for all of them together
  remembersFailures: [12, 1], // 1: weir picks an endpoint whose last connect failed after all others
  proxyVersion: [13, 1], //      of the PROXY header that weir sends to an upstream; 0: none
  ejectFailures: [14, 1], //     connects that fail in a row until an endpoint is ejected; 0: never
  ejectGatewayFailures: [15, 1], // likewise, counted apart
  ejectIntervalMs: [16, 1], //   of the sweeps that let endpoints back
  ejectBaseMs: [17, 1], //       how long the first ejection lasts
  ejectMaxPercent: [18, 1], //   of the endpoints that may be ejected
  minHealthPercent: [19, 1], //  fewer in rotation: all are used; 0: never
  userTimeoutMs: [20, 1], //     of what is not acknowledged; 0: none
  writeTimeoutMs: [21, 1], //    of what a socket does not take; 0: none
  tls: [22, 1], //               1 + its row among the TLS upstreams (tls.ts); 0: none is spoken
  hashSize: [23, 1], //          RING_HASH: the points of the ring, at least; MAGLEV: the size of the table
  warmupMs: [24, 1], //          of an endpoint that comes into rotation; 0: none
  warmupPercent: [25, 1], //     of its weight, at first
  warmupAggression: [26, 1], //  in thousandths
  grouped: [27, 1], //           1: its endpoints may be drawn in groups (endpoints-layout.ts)
  proxyTlvs: [28, 1], //         of a PROXY header of version 2: a bit each of ProxyTlvs
})
