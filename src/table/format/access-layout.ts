/**
 * The records of access control: policies as lists of candidates, found by the addresses that they
 * ask for (../match/authorize.ts).
 *
 *   listener ─▶ groups ─(group, list, node)─▶ lists of candidates ─▶ tests
 *                                                  └─▶ rule: operations, conditions ─▶ tests
 *
 * A group has the policies that the same listeners have. A candidate is one source of a rule; it is
 * listed by the prefixes of its addresses, so only those with a prefix around the connection's
 * address are tried.
 */

import { layout } from '../../base/layout.ts'

/** The groups of one listener, a run of `accessGroups`; its limits, rows of `sourceLimits`. */
export const Access = layout(5, {
  firstGroup: [0, 1],
  groupCount: [1, 1], // 0: everybody may connect
  limitCount: [2, 1], // 0 – 2
  firstLimit: [3, 1],
  secondLimit: [4, 1],
})

/** The effect of a matching rule. */
export const Effect = { deny: 0, allow: 1, audit: 2, tryDeny: 3, tryAllow: 4 } as const
export type Effect = (typeof Effect)[keyof typeof Effect]
const EFFECTS = 5

export const AccessGroup = layout(4, {
  number: [0, 1], //  by which accessIndex has its lists
  lists: [1, 1], //   bit (2 × effect): candidates listed by the peer; the next bit: by the client
  firstAllow: [2, 1], //    the row that stands for its first ALLOW policy that counts; NO_ROW: there is none
  firstTryAllow: [3, 1], // the same for dry runs
})

/**
 * Together with an effect: by whose prefix a list is found. Lists for anybody are at the peer's
 * node 0.
 */
const LISTS_OF_GROUP = 2 * EFFECTS
export const listKey = (group: number, effect: number, isClient: number): number =>
  group * LISTS_OF_GROUP + 2 * effect + isClient

/** A rule of a policy, as a row of `accessRules`; rows ascend in the order of the policies. */
export const AccessRow = layout(7, {
  policy: [0, 1], //         index of the policy
  rule: [1, 1], //           index of the rule in it
  firstOperation: [2, 1], // run of `accessRuns`: one must hold; none: anywhere
  operationCount: [3, 1],
  firstTest: [4, 1], //      run of `accessTests`: the conditions, which must all hold
  testCount: [5, 1],
  slot: [6, 1], //           its word in the shared counts
})

/** A source, or an operation: tests that all must hold. */
export const TestRun = layout(2, {
  first: [0, 1],
  count: [1, 1],
})

/** The head of a list; its candidates follow. */
export const AccessList = layout(2, {
  count: [0, 1],
  ports: [1, 1], // by which accessIndex has, for a port, more candidates at this prefix; 0: none
})

/** An entry of a list. */
export const AccessCandidate = layout(3, {
  row: [0, 1], //   of `accessRules`
  first: [1, 1], // run of `accessTests`, without those that the list itself implies
  count: [2, 1],
})

/** What a test checks. */
export const Of = { peer: 0, client: 1, destination: 2, port: 3, identity: 4, serverName: 5 } as const

export const AccessTest = layout(3, {
  of: [0, 1],
  not: [1, 1], //   1: negated
  what: [2, 1], //  peer, client, destination: an address set; port: where its ports stand in `accessPorts`; identity: the row of `accessIdentities`; serverName: the row of `accessNames`
})

/** A limit for each source. */
export const SourceLimitRow = layout(6, {
  slot: [0, 1], //        by which its sources are counted; 0: they cannot be counted, and nobody is limited
  connections: [1, 1], // 0: no limit
  rate: [2, 1], //        a second; 0: no limit
  burst: [3, 1],
  prefix4: [4, 1],
  prefix6: [5, 1],
})
