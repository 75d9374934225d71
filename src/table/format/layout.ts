/**
 * The layout of a table: three parts, each in a SharedArrayBuffer of its own. Published words never
 * change; a changed endpoint is appended to the endpoints part.
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
 *   destinationScopes, clientParents                     node ─▶ nodes above
 *   destinationNodes                                     node ─▶ place, in shortlists
 *   scopeIndex, chainIndex, shortlistIndex               hashes of pairs (pair-index.ts)
 *   serverNames, serverNameText, serverNameParents       a hash: a server name ─▶ its node (name-index.ts)
 *   namedScopes                                          hash of pairs: scope, name's node ─▶ scope
 *   chains, shortlists                                   what the classifier finds by them (../build/shortlists.ts)
 *   groups, parts, groupIndex, partIndex                 the same rules where a shortlist would be long (../build/parts.ts)
 *
 *   addressSets                                          sets of prefixes, a trie for each family (../match/address-set.ts)
 *
 *   access          listeners ─▶ their groups of policies, and limits for each source
 *   accessGroups    groups ─▶ which lists they have
 *   accessIndex     a hash: group and effect, prefix ─▶ list of candidates
 *   accessLists, accessRules, accessRuns, accessTests, accessPorts   what a candidate asks for
 *   accessNames     msgpack: patterns of server names that tests ask for
 *   accessIdentities                                                 msgpack: the same for identities of clients
 *   accessHosts4, …6, accessRanges4, …6, accessParents               like those of destinations
 *   sourceLimits    limits for each source
 *
 *   tls         msgpack: what TLS servers and upstreams ask for, read when a table is opened (tls.ts)
 *   names       msgpack: the listeners' names, read when a table is opened
 *   cold        msgpack: everything in words, decoded only to explain, log or show
 *
 * Endpoints: what weir dials. The part belongs to one generation, and has that generation's
 * clusters.
 *
 *   endpoints   an arena: for each cluster ─▶ its endpoints: address, port, weight (endpoints-layout.ts)
 *
 * Clients: who a client is, by its address. The part belongs to one generation, for its rules'
 * conditions.
 *
 *   clientHosts4, …6, clientRanges4, …6   like those of destinations; with the prefixes of rules and of workloads
 *   clientNodes                           node ─▶ the rules' own node, workload
 *   workloads                             one bit for each source condition
 *   workloadRuns, fulfilled               the bits of `workloads` again, as lists
 *   workloadNames                         msgpack: the workloads in words
 *
 * All but msgpack are 32-bit words in host order; a run is a first index and a count. The records
 * are in routing-layout.ts, classifier-layout.ts, endpoints-layout.ts clients-layout.ts and
 * access-layout.ts.
 */

import { layout } from '../../base/layout.ts'

export const MAGIC = 0x72696577 // "weir", read as little-endian bytes
export const VERSION = 5

/** Which part of a table a buffer is. */
export const TablePart = { routing: 0, endpoints: 1, clients: 2 } as const
export type PartName = keyof typeof TablePart

/** Sections of the classifier that find a scope by the client's server name. */
export const NAME_SECTIONS = ['serverNames', 'serverNameText', 'serverNameParents', 'namedScopes'] as const
export type NameSection = (typeof NAME_SECTIONS)[number]

/** Sections of the classifier; `explain` reads `rules` and `prefixes`, too. */
export const CLASSIFIER_SECTIONS = [
  'destinationHosts4',
  'destinationHosts6',
  'destinationRanges4',
  'destinationRanges6',
  'destinationScopes',
  'destinationNodes',
  'clientParents',
  'scopeIndex',
  ...NAME_SECTIONS,
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

/** Access control: access-layout.ts. */
const ACCESS_SECTIONS = [
  'access',
  'accessGroups',
  'accessIndex',
  'accessLists',
  'accessRules',
  'accessRuns',
  'accessTests',
  'accessPorts',
  'accessNames',
  'accessIdentities',
  'accessHosts4',
  'accessHosts6',
  'accessRanges4',
  'accessRanges6',
  'accessParents',
  'sourceLimits',
] as const

/** The sections of each part, in their order. */
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
    'addressSets',
    ...ACCESS_SECTIONS,
    'tls',
    'names',
    'cold',
  ],
  endpoints: ['endpoints'],
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

/** The header of each part. Offset and length of each section follow, both in bytes. */
export const Header = layout(9, {
  magic: [0, 1],
  checksum: [1, 1], //   CRC-32 (as zlib's) of everything behind this word; endpoints: of the header
  version: [2, 1],
  part: [3, 1], //       TablePart
  generation: [4, 1], // to which it belongs
  revision: [5, 1], //   clients: how many parts of this kind the generation had before
  bytes: [6, 1], //      size of the whole part
  conditions: [7, 1], // clients: words in one row of `workloads`
  newest: [8, 1], //     endpoints: the position of the newest revision's root in the arena
})

/** The halves of a word, `first` is the one that a Uint16Array finds first. */
export const packHalves = (first: number, second: number): number =>
  LITTLE_ENDIAN ? first | (second << 16) : (first << 16) | second

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** The part of a table that is only words: `names` and `cold`, decoded. */
export type Names = readonly {
  readonly gateway: string
  readonly bind: string
  /** The listener whose socket it shares. */
  readonly shares?: number
}[]
