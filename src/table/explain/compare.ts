/**
 * The differences between two tables, rule by rule, for an operator who is about to replace one by
 * the other. pair-rules.ts pairs the rules.
 */

import type { Cold } from '../format/cold.ts'
import { readCold, type Table } from '../format/table.ts'
import { destinationName } from '../plan/destination.ts'
import type { ReadsProxy, RuleOrigin, WrittenAt } from '../plan/plan.ts'
import type { TcpTimes } from '../plan/policy.ts'
import { type AccessChange, compareAccess, limitsText } from './access-compare.ts'
import { clusterText, placeText, policyValues, type Value } from './destination-text.ts'
import { differingRules } from './differing-rules.ts'
import { readsOf } from './header.ts'
import { type Pair, pairRules } from './pair-rules.ts'
import { defaultPolicy } from './policy-text.ts'
import { readsSame, readsText } from './reads-text.ts'
import { isServer, serversOf, takingText } from './server-text.ts'

export type RuleChange = {
  readonly change: 'added' | 'removed' | 'changed'
  /** Where it applies: "default/edge 127.0.0.1:9000", and at the mesh with the rule's service. */
  readonly listeners: readonly string[]
  /** Its place now; for a removed one, its former place. */
  readonly rule: RuleOrigin
  /** Its former place; null: it had none. */
  readonly was: RuleOrigin | null
  /** The former text; null if there was none. */
  readonly before: string | null
  readonly after: string | null
}

type DestinationChange = {
  readonly change: 'added' | 'removed' | 'changed'
  /** "reviews.default.svc.cluster.local:9080 subset v2". */
  readonly destination: string
  readonly before: string | null
  readonly after: string | null
  /** The values of its policy that differ. */
  readonly policy: readonly PolicyChange[]
}

/** A listener or a server of it that takes, reads or limits in another way. */
type ListenerChange = {
  /** "default/edge 127.0.0.1:9000". */
  readonly listener: string
  /** Its place now, or its former place; null if unknown. */
  readonly file: string | null
  readonly line: number | null
  /** In words. */
  readonly before: string
  readonly after: string
}

/** A value of a policy that differs, with its place now, or its former place. */
type PolicyChange = {
  /** A PolicyField, 'healthCheck', 'tls', or the name of a word that has no other text. */
  readonly field: string
  readonly before: string
  readonly after: string
  /** null: the default, before or after. */
  readonly file: string | null
  readonly line: number | null
}

export type TableChanges = {
  readonly listeners: {
    readonly added: readonly string[]
    readonly removed: readonly string[]
    readonly changed: readonly ListenerChange[]
  }
  readonly rules: readonly RuleChange[]
  /** Unchanged rules that are tried in another order among themselves. */
  readonly reordered: number
  readonly destinations: readonly DestinationChange[]
  /** Who may connect. */
  readonly policies: readonly AccessChange[]
}

type Reading = {
  readonly reads: ReadsProxy | null
  readonly at: WrittenAt | undefined
  /** What one source may have, in words; '': anything. */
  readonly limits: string
  /** When its clients count as gone, and what else it does with them, in words. */
  readonly times: string
  readonly takes: string
  readonly servers: ReadonlyMap<string, string>
}
/** Its policy is compared value by value; `text` has what is written of it as well. */
type Destination = { readonly place: string; readonly text: string; readonly policy: readonly Value[] }

export function compareTables(before: Table, after: Table): TableChanges {
  const [was, is] = [before, after].map(table => ({ table, cold: readCold(table) }))
  const old = read(was)
  const now = read(is)
  const scopes = differingRules(was, is).map(({ before, after }) => pairRules(before, after))
  return {
    listeners: {
      added: [...now.listeners.keys()].filter(key => !old.listeners.has(key)),
      removed: [...old.listeners.keys()].filter(key => !now.listeners.has(key)),
      changed: compareListeners(old.listeners, now.listeners),
    },
    rules: merged(scopes.flatMap(({ pairs }) => pairs.flatMap(changesOf))),
    reordered: scopes.reduce((sum, each) => sum + each.reordered, 0),
    destinations: compareDestinations(old.destinations, now.destinations),
    policies: compareAccess(was, is),
  }
}

function read({ table, cold }: { readonly table: Table; readonly cold: Cold }) {
  const servers = serversOf(table, cold)
  return {
    listeners: new Map(
      table.sockets.map(({ key, tcp }, index) => [
        key,
        {
          reads: readsOf(table, index),
          at: cold.listeners[index].readsAt,
          limits: limitsText(table, index),
          times: timesText(tcp),
          takes: takingText(table, index),
          servers: servers.get(index) ?? new Map<string, string>(),
        },
      ]),
    ),
    destinations: new Map(
      cold.clusters.map((_, cluster) => [
        destinationName(cold.clusters[cluster]),
        {
          place: placeText(table, cold, cluster),
          text: clusterText(table, cold, cluster),
          policy: policyValues(table, cold, cluster),
        },
      ]),
    ),
  }
}

/** Empty if both are equal. */
function changesOf({ before, after }: Pair): RuleChange[] {
  if (before?.text === after?.text) return []
  const now = after ?? before
  if (now === null) return []
  return [
    {
      change: before === null ? 'added' : after === null ? 'removed' : 'changed',
      listeners: [now.listener],
      rule: now.rule,
      was: before?.rule ?? null,
      before: before?.text ?? null,
      after: after?.text ?? null,
    },
  ]
}

function compareListeners(
  before: ReadonlyMap<string, Reading>,
  after: ReadonlyMap<string, Reading>,
): ListenerChange[] {
  return [...after].flatMap(([listener, is]) => {
    const was = before.get(listener)
    if (was === undefined) return []
    const { file = null, line = null } = is.at ?? was.at ?? {}
    const [told, tells] = [readsText(was.reads, is.reads), readsText(is.reads, was.reads)]
    const reads = { listener, file, line, before: told, after: tells }
    const limits = { listener, file: null, line: null, before: limitOf(was), after: limitOf(is) }
    const times = { listener, file: null, line: null, before: was.times, after: is.times }
    const takes = { listener, file: null, line: null, before: was.takes, after: is.takes }
    const others = compareServers(was.servers, is.servers)
    return [
      ...(was.takes === is.takes ? [] : [takes]),
      ...others.map(each => ({ listener, file: null, line: null, ...each })),
      ...(readsSame(was.reads, is.reads) ? [] : [reads]),
      ...(was.limits === is.limits ? [] : [limits]),
      ...(was.times === is.times ? [] : [times]),
    ]
  })
}

/** Services of the mesh that come and go are told as destinations. */
const compareServers = (before: Reading['servers'], after: Reading['servers']) =>
  [...new Set([...before.keys(), ...after.keys()])].flatMap(server => {
    const [was, is] = [before.get(server), after.get(server)]
    if (was === is || ((was === undefined || is === undefined) && !isServer(server))) return []
    return [{ before: `${server}: ${was ?? 'none'}`, after: `${server}: ${is ?? 'none'}` }]
  })

/** Merges equal changes of a rule at several listeners. */
function merged(changes: readonly RuleChange[]): RuleChange[] {
  const groups = Map.groupBy(changes, ({ listeners: _, ...rest }) => JSON.stringify(rest))
  return [...groups.values()].map(([first, ...others]) => ({
    ...first,
    listeners: [...first.listeners, ...others.flatMap(each => each.listeners)],
  }))
}

const TIMES: ReadonlySet<string> = new Set(['tcpKeepalive', 'userTimeout', 'writeTimeout'])

/** "of its clients: tcpKeepalive time 60s interval 15s probes 4, userTimeout none, …". */
const timesText = (tcp: TcpTimes): string =>
  `of its clients: ${defaultPolicy(tcp)
    .filter(({ field }) => TIMES.has(field))
    .map(({ field, value }) => `${field} ${value}`)
    .join(', ')}`

const limitOf = ({ limits }: Reading): string =>
  limits === '' ? 'limits no source' : `limits each source: ${limits}`

function compareDestinations(
  before: ReadonlyMap<string, Destination>,
  after: ReadonlyMap<string, Destination>,
): DestinationChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])]
  return names.flatMap((destination): DestinationChange[] => {
    const [was, is] = [before.get(destination) ?? null, after.get(destination) ?? null]
    if (was === null || is === null) {
      const change = was === null ? 'added' : 'removed'
      return [{ change, destination, before: was?.text ?? null, after: is?.text ?? null, policy: [] }]
    }
    const policy = comparePolicies(was.policy, is.policy)
    if (was.place === is.place && policy.length === 0) return []
    return [{ change: 'changed', destination, before: was.place, after: is.place, policy }]
  })
}

/** Both have every field, unless the destination is undefined. */
const comparePolicies = (before: readonly Value[], after: readonly Value[]): PolicyChange[] =>
  after.flatMap(({ field, value, file, line }) => {
    const was = before.find(each => each.field === field)
    if (was === undefined || was.value === value) return []
    const place = file === null ? { file: was.file, line: was.line } : { file, line }
    return [{ field, before: was.value, after: value, ...place }]
  })
