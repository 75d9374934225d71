/** The records of the routing part that find a rule by addresses (../match/classifier.ts). */

import { layout } from '../../base/layout.ts'

/** A destination prefix: the nearest node, itself included and above itself, that a scope names. */
export const DestinationScope = layout(2, {
  node: [0, 1],
  above: [1, 1],
})

/**
 * The place of a destination prefix that has shortlists: destinationNodes has, for each node, the
 * word of the nearest one, its own included. The only shortlist follows; or pairs of chain and
 * shortlist, if few chains have one, and then those shortlists; else shortlistIndex finds them by
 * chain and place.
 */
export const Place = layout(3, {
  above: [0, 1], //  that of the next wider prefix with shortlists; ABSENT: none
  count: [1, 1], //  of shortlists; up to DIRECTORY_MAX are few
  chains: [2, 1], // the only chain; else one bit per chain that may have one here: bit (chain mod 32)
})

export const DIRECTORY_MAX = 8

/** The rules of one scope, or of a large part, that ask for one port, or for none. */
export const Chain = layout(5, {
  anyShortlist: [0, 1], // that of a destination inside none of its prefixes; ABSENT: none
  places: [1, 4], //       one bit per place of many chains where it has a shortlist: bit (place mod 128)
})

/**
 * All rules that can match a destination whose longest prefix in the chain is this one: those for
 * this prefix, for wider ones and for any destination, for the chain's port and for any port.
 * Candidates follow, ascending by rule.
 */
export const Shortlist = layout(1, {
  count: [0, 1], // at most SHORTLIST_MAX; LONG: too many, so the parts of the scope must be searched
})

export const SHORTLIST_MAX = 16
/** No count, no row, and not ABSENT. */
export const LONG = 0xfffffffe

/** A rule on a shortlist. */
export const Candidate = layout(3, {
  condition: [0, 1], // a bit of `workloads`; 0: no condition; plus SOME_CLIENTS if Clients follow
  rule: [1, 1],
  route: [2, 1],
})

export const SOME_CLIENTS = 0x80000000

/** The client's node, of those of rules, is the first or one of the next `span`. */
export const Clients = layout(2, {
  first: [0, 1],
  span: [1, 1],
})

/** For a scope with a LONG shortlist: the rules with one source condition, or with none. */
export const Group = layout(3, {
  least: [0, 1], //      the first of its rules
  anyonePart: [1, 1], // the part of those without a client prefix, or ABSENT
  clients: [2, 1], //    one bit per client node of its rules: bit (node mod 32); partIndex has their parts
})

/** The rules of a group with one client prefix, or without: they differ in their destinations. */
export const Part = layout(4, {
  least: [0, 1], //        signed, as all in this section: the first of its rules
  count: [1, 1], //        this many rules follow, ascending; 0: more than PART_LISTED_MAX, which have chains
  anyPortChain: [2, 1], // the chain of the rules without a port; −1: none
  ports: [3, 1], //        one bit per port of its rules: bit (port mod 32); chainIndex has their chains
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

/** Together with its word, the key of a part's chains in chainIndex; scopes have smaller keys. */
export const PART_CHAINS = 0x80000000
