/** The records of the routing part that find a rule by addresses (../match/classifier.ts). */

import { layout } from '../../base/layout.ts'

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
