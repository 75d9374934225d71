/**
 * The layout of a table: three parts, each in a SharedArrayBuffer of its own that is never changed
 * once it is published. A changed endpoint is a new endpoints part beside the same routing part.
 *
 * Routing: which listeners, rules and destinations there are. It has the table's generation.
 *
 *   listeners   sockets ─▶ their scopes            rules      conditions in list order ─▶ route
 *   scopes      destination ─▶ its rules           prefixes   all CIDRs, as runs that rules point into
 *   routes      ─▶ their splits                    splits     weighted destinations ─▶ cluster
 *   turns       u16: whose turn it is in exact and sticky splits
 *   clusters    policies
 *
 *   destinationHosts4, …6                                hashes: a whole address ─▶ node (host-index.ts)
 *   destinationRanges4, …6                               tries: the longest range ─▶ node (../match/cidr-trie.ts)
 *   destinationScopes, destinationNodes, clientParents   node ─▶ nodes above
 *   scopeIndex, chainIndex, shortlistIndex               hashes of pairs (pair-index.ts)
 *   chains, shortlists                                   what the classifier finds by them (../build/shortlists.ts)
 *   groups, parts, groupIndex, partIndex                 the same rules where a shortlist would be long (../build/parts.ts)
 *
 *   names       msgpack: the listeners' names, read when a table is opened
 *   cold        msgpack: everything in words, decoded only to explain, log or show
 *
 * Endpoints: what is dialed. It belongs to one generation, whose clusters it counts.
 *
 *   endpointRuns   for each cluster ─▶ its endpoints   endpoints   address, port, weight
 *
 * Clients: who a client is, by its address. It belongs to one generation, for its rules'
 * conditions.
 *
 *   clientHosts4, …6, clientRanges4, …6   like those of destinations; with the prefixes of rules and of workloads
 *   clientNodes                           node ─▶ the rules' own node, workload
 *   workloads                             one bit for each source condition
 *   workloadRuns, fulfilled               the bits of `workloads` again, as lists
 *   workloadNames                         msgpack: the workloads in words
 *
 * All but msgpack are 32-bit words in host order; a run is a first index and a count.
 */

import { layout } from '../../base/layout.ts'

export const MAGIC = 0x72696577 // "weir", read as little-endian bytes
export const VERSION = 2

/** Which part of a table a buffer is. */
export const TablePart = { routing: 0, endpoints: 1, clients: 2 } as const
export type PartName = keyof typeof TablePart

/** Sections of the classifier; `rules` and `prefixes` beside them are what `explain` reads. */
export const CLASSIFIER_SECTIONS = [
  'destinationHosts4',
  'destinationHosts6',
  'destinationRanges4',
  'destinationRanges6',
  'destinationScopes',
  'destinationNodes',
  'clientParents',
  'scopeIndex',
  'chains',
  'chainIndex',
  'shortlists',
  'shortlistIndex',
  'groups',
  'groupIndex',
  'parts',
  'partIndex',
] as const
export type ClassifierSection = (typeof CLASSIFIER_SECTIONS)[number]

/** The sections of each part, in the order in which they stand. */
export const SECTIONS = {
  routing: [
    'listeners',
    'scopes',
    'rules',
    'prefixes',
    'routes',
    'splits',
    'turns',
    'clusters',
    ...CLASSIFIER_SECTIONS,
    'names',
    'cold',
  ],
  endpoints: ['endpointRuns', 'endpoints'],
  clients: [
    'clientHosts4',
    'clientHosts6',
    'clientRanges4',
    'clientRanges6',
    'clientNodes',
    'workloads',
    'workloadRuns',
    'fulfilled',
    'workloadNames',
  ],
} as const satisfies Readonly<Record<PartName, readonly string[]>>
export type Section<Part extends PartName = PartName> = (typeof SECTIONS)[Part][number]

/** Of each part. Offset and length of each section follow, both in bytes. */
export const Header = layout(8, {
  magic: [0, 1],
  checksum: [1, 1], //   CRC-32 (as zlib's) of everything behind this word
  version: [2, 1],
  part: [3, 1], //       TablePart
  generation: [4, 1], // that it belongs to
  revision: [5, 1], //   how many parts of this kind the generation had before
  bytes: [6, 1], //      size of the whole part
  conditions: [7, 1], // clients: words in one row of `workloads`
})

/** What a listener does with a destination that none of its scopes covers. */
export const Otherwise = { close: 0, passthrough: 1, deny: 2 } as const

export const Listener = layout(12, {
  port: [0, 1],
  original: [1, 1], //  1: the destination is the one before a redirect
  otherwise: [2, 1], // Otherwise
  onlyScope: [3, 1], // the scope that takes every destination, where there is no other; else ABSENT
  opens: [4, 1], //     1: has a socket; 0: only for explain
  rulePort: [5, 1], //       what rules ask for: a gateway's own port; 0: that of the destination
  proxyVersions: [6, 1], //  versions of the PROXY header that it reads: bit (version − 1); 0: none
  proxyRequired: [7, 1], //  1: who is not among its senders is reset
  proxyTimeoutMs: [8, 1], // from accept until the header is whole; at most readTimeoutMs
  firstSender: [9, 1], //    run of prefixes: who must send one
  senderCount: [10, 1],
  readTimeoutMs: [11, 1], //  from accept until all is read that comes before the decision
})

export const Scope = layout(5, {
  firstRule: [0, 1],
  ruleCount: [1, 1],
  defaultRoute: [2, 1], //  signed, as all in this section; negative: an outcome, such as −1, no route
  anyPortChain: [3, 1], // the chain of the rules that ask for no port; −1: none
  ports: [4, 1], //        a bit for each port that a rule asks for: bit (port mod 32); chainIndex has their chains
})

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

export const Split = { random: 0, exact: 1, sticky: 2, exactPaired: 3 } as const

/** What the operator asked for. */
export const SPLIT_NAMES: ReadonlyMap<number, 'random' | 'exact' | 'sticky'> = new Map([
  [Split.random, 'random'],
  [Split.exact, 'exact'],
  [Split.exactPaired, 'exact'],
  [Split.sticky, 'sticky'],
])

export const Route = layout(6, {
  firstSplit: [0, 1],
  splitCount: [1, 1], // ≥ 1
  split: [2, 1], //      Split; random where there is one destination
  slot: [3, 1], //       exact: its ticket counter in the shared counts
  firstTurn: [4, 1], //  exact and sticky: where its turns begin, in halves of words; exactPaired: the first group's share
  turnCount: [5, 1], //  exact: the schedule's length; sticky: BUCKETS; exactPaired: the period
})

/**
 * One weighted destination; threshold and alias are Vose's tables for this column
 * (../match/pick.ts).
 */
export const Destination = layout(4, {
  cluster: [0, 1],
  weight: [1, 1],
  threshold: [2, 1], // stay in this column when a random word is below it; exactPaired: the weight without the common factor
  alias: [3, 1], //     else this column, counted from the route's first
})

export const CLUSTER_STATIC = 0
export const CLUSTER_ORIGINAL = 1
export const CLUSTER_UNKNOWN = 2
export const Balance = { LEAST_REQUEST: 0, ROUND_ROBIN: 1, RANDOM: 2 } as const

export const Cluster = layout(14, {
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
  connectAttempts: [10, 1], //   endpoints that are tried for a connection
  connectDeadlineMs: [11, 1], // for all of them together
  remembersFailures: [12, 1], // 1: an endpoint whose last connect failed is drawn after all others
  proxyVersion: [13, 1], //      of the PROXY header that an upstream gets first; 0: none
})

/** The endpoints of the cluster at the same row: a run of `endpoints`. */
export const EndpointRun = layout(3, {
  first: [0, 1],
  count: [1, 1],
  equal: [2, 1], // 1: all of them have the same weight
})

export const Endpoint = layout(8, {
  family: [0, 1], // 4 or 6
  address: [1, 4],
  port: [5, 1],
  weight: [6, 1], // ≥ 1
  slot: [7, 1], //   its word in the shared counts
})

/** A destination prefix: the nearest node, itself included and above itself, that a scope names. */
export const DestinationScope = layout(2, {
  node: [0, 1],
  above: [1, 1],
})

/** A destination prefix to the rules. */
export const DestinationNode = layout(4, {
  ruleNode: [0, 1], //  the nearest node, itself included, that a rule names
  ruleAbove: [1, 1], // the nearest above itself
  shortlist: [2, 1], // that of this node, where just one chain has one; else ABSENT, and shortlistIndex has them
  chains: [3, 1], //    that chain; else a bit for each chain that may have one here: bit (chain mod 32)
})

/**
 * A client prefix, of a rule or of a workload. The nodes of rules alone are numbered for
 * themselves, so that rules do not change with workloads: `clientParents` has for each of those the
 * next wider one.
 */
export const ClientNode = layout(2, {
  ruleNode: [0, 1], // the rules' node of the longest prefix of a rule around it, itself included
  workload: [1, 1], // row of `workloads` for the longest source range around it; row 0 is the unknown client
})

/** The rules of one scope, or of a large part, that ask for one port, or for none. */
export const Chain = layout(5, {
  anyShortlist: [0, 1], // that of a destination inside none of its prefixes, or ABSENT: there is nothing for those
  nodes: [1, 4], //        a bit for each node that it has a shortlist for: bit (node mod 128)
})

/**
 * All rules that can match a destination whose longest prefix in the chain is this one: those for
 * this prefix, for wider ones and for any destination, for the chain's port and for any port.
 * Candidates follow, ascending by rule.
 */
export const Shortlist = layout(1, {
  count: [0, 1], // at most SHORTLIST_MAX; LONG: they would be more, so the parts of the scope have to be asked
})

export const SHORTLIST_MAX = 16
/** No count, no row, and not ABSENT. */
export const LONG = 0xfffffffe

/** A rule on a shortlist. */
export const Candidate = layout(5, {
  condition: [0, 1], //   a bit of `workloads`; 0: no condition
  firstClient: [1, 1], // the client's node, of those of rules, is this one or one of the
  clientSpan: [2, 1], //  next so many
  rule: [3, 1],
  route: [4, 1],
})

/** Of a scope with a LONG shortlist the rules that ask for one source condition, or for none. */
export const Group = layout(3, {
  least: [0, 1], //      the first of its rules
  anyonePart: [1, 1], // the part of those that ask for no client prefix, or ABSENT
  clients: [2, 1], //    a bit for each client node that a rule asks for: bit (node mod 32); partIndex has their parts
})

/**
 * The rules of a group that ask for one client prefix, or for none: they differ in where the
 * connection goes.
 */
export const Part = layout(4, {
  least: [0, 1], //        signed, as all in this section: the first of its rules
  count: [1, 1], //        so many rules follow, ascending; 0: they are more than PART_LISTED_MAX and have chains
  anyPortChain: [2, 1], // the chain of the rules that ask for no port; −1: none
  ports: [3, 1], //        a bit for each port that a rule asks for: bit (port mod 32); chainIndex has their chains
})

/** A rule in a part, for one of its destination prefixes. */
export const PartRule = layout(5, {
  firstDestination: [0, 1], // the destination's node is this one or one of the
  destinationSpan: [1, 1], //  next so many
  port: [2, 1], //             0: no condition
  rule: [3, 1],
  route: [4, 1],
})

export const PART_LISTED_MAX = 64

/**
 * With its word, what chainIndex has the chains of a part by; scopes have theirs by lesser numbers.
 */
export const PART_CHAINS = 0x80000000

/** Which conditions a workload fulfils: a run of `fulfilled`. */
export const WorkloadRun = layout(2, {
  first: [0, 1],
  count: [1, 1],
})

/** Two halves of a word, `first` the one that a Uint16Array finds first. */
export const packHalves = (first: number, second: number): number =>
  LITTLE_ENDIAN ? first | (second << 16) : (first << 16) | second

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** The words-only part of a table: what `names` and `cold` hold once decoded. */
export type Names = readonly { readonly gateway: string; readonly bind: string }[]
