/**
 * Builds access control (../match/authorize.ts): policies become groups of lists, and limits.
 *
 * Policies that the same listeners have form one group. Each source of a rule is a candidate,
 * listed at every prefix of one of its addresses; a candidate without addresses is listed for
 * anybody. So of ten thousand policies, only those with a prefix around the connection's address
 * are tried.
 *
 * Whatever is known at build time is decided here: an identity that nobody can have needs no test.
 */

import type { Cidr } from '../../address/address.ts'
import { assert } from '../../base/assert.ts'
import type { AskedIdentity } from '../format/access.ts'
import {
  Access,
  AccessGroup,
  AccessRow,
  AccessTest,
  Effect,
  listKey,
  Of,
  SourceLimitRow,
  TestRun,
} from '../format/access-layout.ts'
import type { ColdPolicy } from '../format/cold.ts'
import type { AccessPolicy, AccessRule, PlannedLimit, Test } from '../plan/access.ts'
import type { Plan, SourceCondition } from '../plan/plan.ts'
import { certifies } from '../plan/tls.ts'
import { AccessLists, portsOfRule } from './access-lists.ts'
import { coldPolicy } from './access-words.ts'
import type { AddressSets } from './address-sets.ts'
import { packed } from './assemble.ts'
import type { SlotOf } from './endpoint-rows.ts'
import { ANY_PREFIX, NodeSet } from './node-set.ts'
import { Rows } from './rows.ts'

/** Inputs from the rest of the routing part. */
type AccessParts = {
  readonly slotOf: SlotOf
  readonly sets: AddressSets
  readonly conditionOf: (condition: SourceCondition) => number
}

/** What a group knows once all its policies are added. */
type Head = { lists: number; firstAllow: number; firstTryAllow: number }

const NO_ROW = 0xffffffff

export class AccessBuilder {
  readonly #parts: AccessParts
  readonly #rows = {
    access: new Rows(Access.WORDS),
    groups: new Rows(AccessGroup.WORDS),
    rules: new Rows(AccessRow.WORDS),
    runs: new Rows(TestRun.WORDS),
    tests: new Rows(AccessTest.WORDS),
    ports: new Rows(1),
    limits: new Rows(SourceLimitRow.WORDS),
  }
  readonly #nodes = new NodeSet()
  readonly #lists = new AccessLists()
  #groupCount = 0
  readonly #names: (readonly string[])[] = []
  readonly #identities: AskedIdentity[] = []
  /** Whether a client can show a certificate to some server. */
  #isCertified = false
  readonly cold: ColdPolicy[] = []

  constructor(parts: AccessParts) {
    this.#parts = parts
  }

  /** All limits of a plan. */
  add({ listeners, policies = [], limits = [] }: Plan): void {
    if (policies.length === 0 && limits.length === 0) return
    this.#isCertified = listeners.some(({ scopes }) => scopes.some(({ tls }) => certifies(tls)))
    const users = policies.map((): number[] => [])
    for (const [listener, each] of listeners.entries())
      for (const policy of each.policies ?? []) users[policy].push(listener)
    const groups = Map.groupBy(policies.keys(), policy => users[policy].join())
    const groupOf = new Map(
      [...groups].flatMap(([, all], group) => all.map(policy => [policy, group] as const)),
    )
    this.#groupCount = groups.size
    const heads = [...groups].map(() => ({ lists: 0, firstAllow: NO_ROW, firstTryAllow: NO_ROW }))
    for (const [index, policy] of policies.entries())
      this.#addPolicy(policy, index, groupOf.get(index) ?? 0, heads)
    for (const limit of limits) this.#addLimit(limit)
    for (const { policies: own = [], limits: sources = [] } of listeners) {
      const first = this.#rows.groups.count
      const numbers = [...new Set(own.map(policy => groupOf.get(policy) ?? 0))].sort((a, b) => a - b)
      for (const number of numbers) {
        const { lists, firstAllow, firstTryAllow } = heads[number]
        this.#rows.groups.add(number, lists, firstAllow, firstTryAllow)
      }
      assert(sources.length <= 2, `${sources.length} limits for one listener`)
      const [limit = 0, another = 0] = sources
      this.#rows.access.add(first, numbers.length, sources.length, limit, another)
    }
  }

  #addPolicy(policy: AccessPolicy, index: number, group: number, heads: Head[]): void {
    const effect = effectOf(policy)
    const head = heads[group]
    const name = Object.keys(Effect)[effect]
    const slotOf = (what: string): number => this.#parts.slotOf(`policy ${name} ${policy.name}${what}`)
    const rows: number[] = []
    let whole: number | null = null
    if (policy.action === 'ALLOW') {
      // The row that stands for all rules of a policy: none of them allowed the connection.
      whole = this.#rows.rules.add(index, NO_ROW, 0, 0, 0, 0, slotOf(''))
      if (effect === Effect.allow && head.firstAllow === NO_ROW) head.firstAllow = whole
      if (effect === Effect.tryAllow && head.firstTryAllow === NO_ROW) head.firstTryAllow = whole
    }
    for (const [place, rule] of policy.rules.entries())
      rows.push(this.#addRule(rule, { index, place, slot: slotOf(` rules[${place}]`) }, group, effect, head))
    this.cold.push(coldPolicy(policy, rows, whole))
  }

  /** The row of a rule; a rule that never matches gets a row, but no candidate. */
  #addRule(
    rule: AccessRule,
    { index, place, slot }: { index: number; place: number; slot: number },
    group: number,
    effect: number,
    head: Head,
  ): number {
    const when = this.#simplified(rule.when)
    const to = rule.to.map(each => this.#simplified(each))
    const anywhere = rule.to.length === 0 || to.some(each => each?.length === 0)
    const tests = when && this.#addTests(when)
    const firstRun = this.#rows.runs.count
    const runs = anywhere ? [] : to.filter(each => each !== null)
    for (const each of runs) {
      const run = this.#addTests(each)
      this.#rows.runs.add(...run)
    }
    const [firstTest, testCount] = tests ?? [0, 0]
    const row = this.#rows.rules.add(index, place, firstRun, runs.length, firstTest, testCount, slot)
    if (rule.never !== null || when === null || (!anywhere && runs.length === 0)) return row
    const ports = portsOfRule(rule)
    for (const source of rule.from.length === 0 ? [[]] : rule.from) {
      const asked = this.#simplified(source)
      if (asked !== null) this.#addCandidate(asked, when, ports, row, group, effect, head)
    }
    return row
  }

  #addCandidate(
    source: readonly Test[],
    when: readonly Test[],
    ports: readonly number[] | null,
    row: number,
    group: number,
    effect: number,
    head: Head,
  ): void {
    const key = finding(source) ?? finding(when)
    const rest = source.filter(test => test !== key)
    const isClient = key?.of === 'client' ? 1 : 0
    const bit = 2 * effect + isClient
    head.lists |= 1 << bit
    const words = [row, ...this.#addTests(rest)]
    const prefixes = key === null ? [ANY_PREFIX] : this.#nodes.idsOf(key.cidrs)
    this.#lists.add(listKey(group, effect, isClient), prefixes, { words, ports })
  }

  #addTests(tests: readonly Test[]): [first: number, count: number] {
    const rows = tests.map((test): [number, number, number] => [
      Of[kindOf(test)],
      test.not ? 1 : 0,
      this.#whatOf(test),
    ])
    const first = this.#rows.tests.count
    for (const row of rows) this.#rows.tests.add(...row)
    return [first, tests.length]
  }

  #whatOf(test: Test): number {
    switch (test.of) {
      case 'peer':
      case 'client':
      case 'destination':
        return this.#parts.sets.indexOf(test.cidrs)
      case 'port': {
        const first = this.#rows.ports.count
        this.#rows.ports.add(test.ports.length)
        for (const port of test.ports) this.#rows.ports.add(port)
        return first
      }
      case 'serverName':
        return this.#names.push(test.patterns) - 1
      default: {
        const { of, patterns, isKnown } = test
        const wanted = { namespace: null, labels: {}, visibleTo: null, identity: { of, patterns } }
        const condition = isKnown ? this.#parts.conditionOf(wanted) : -1
        return this.#identities.push({ of, patterns, condition }) - 1
      }
    }
  }

  #addLimit({ gateway, connections, rate, burst, prefix4, prefix6 }: PlannedLimit): void {
    const slot = this.#parts.slotOf(`limit ${gateway}`)
    this.#rows.limits.add(slot, connections, rate, burst, prefix4, prefix6)
  }

  /** Drops the tests that are always true; null: one of them is never true. */
  #simplified(tests: readonly Test[]): readonly Test[] | null {
    const isOpen = (test: Test): boolean => !('isKnown' in test) || test.isKnown || this.#isCertified
    return tests.some(test => !isOpen(test) && !test.not) ? null : tests.filter(isOpen)
  }

  finish() {
    const { hosts, ranges, nodes, parents } = this.#nodes.finish()
    const { index, lists } = this.#lists.finish(nodes, listKey(this.#groupCount, 0, 0))
    const rows = this.#rows
    return {
      access: rows.access.words(),
      accessGroups: rows.groups.words(),
      accessIndex: index,
      accessLists: lists,
      accessRules: rows.rules.words(),
      accessRuns: rows.runs.words(),
      accessTests: rows.tests.words(),
      accessPorts: rows.ports.words(),
      accessNames: packed(this.#names),
      accessIdentities: packed(this.#identities),
      accessHosts4: hosts[4],
      accessHosts6: hosts[6],
      accessRanges4: ranges[4],
      accessRanges6: ranges[6],
      accessParents: parents,
      sourceLimits: rows.limits.words(),
    }
  }
}

const effectOf = ({ action, dryRun }: AccessPolicy): Effect =>
  action === 'AUDIT'
    ? Effect.audit
    : action === 'DENY'
      ? dryRun
        ? Effect.tryDeny
        : Effect.deny
      : dryRun
        ? Effect.tryAllow
        : Effect.allow

/** The test whose prefixes find a candidate: the peer's, else the client's. */
function finding(tests: readonly Test[]): (Test & { readonly cidrs: readonly Cidr[] }) | null {
  for (const who of ['peer', 'client'] as const)
    for (const test of tests) if (test.of === who && !test.not) return test
  return null
}

const kindOf = ({ of }: Test): keyof typeof Of =>
  of === 'peer' || of === 'client' || of === 'destination' || of === 'port' || of === 'serverName'
    ? of
    : 'identity'
