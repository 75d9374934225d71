/**
 * The guard: whether a change with losses is served, and how it is reported.
 *
 *             lost rules   removed rules, closed listeners, emptied destinations, other PROXY headers,
 *                          policies that deny clients, server names that no server takes
 *   refuse    refused      served, with a warning
 *   strict    refused      refused where they had connections in the last minute, or have some now
 *   warn      served, with a warning
 *
 * The compiling thread has found the losses (losses.ts), the main thread those by policies
 * (policy-losses.ts), by server names (server-losses.ts) and by removed endpoints
 * (removal-losses.ts); this module reads their traffic from the counts.
 *
 * Connections that end with their endpoint never refuse a change: an annotation asks for that.
 */

import { whereText } from '../../base/where-text.ts'
import type { Code } from '../../config/findings/codes.ts'
import type { Diagnostic } from '../../config/findings/diagnostic.ts'
import type { Settings } from '../../config/settings/settings.ts'
import type { SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import { countKeys, LOSS_KINDS, type Loss, type Losses, type LossKind } from './loss.ts'

export type GuardMode = Settings['reload']['guard']

/** Connections of something. */
type Traffic = { readonly open: number; readonly lastMinute: number }

/** What a change takes from connections: the reasons for a refusal, or warnings. */
export type Weighed = Traffic & {
  readonly rules: number
  readonly listeners: number
  readonly destinations: number
  /** Rules of policies. */
  readonly policies: number
  /** Removed ones whose connections end. */
  readonly endpoints: number
}

export type Verdict = {
  readonly refused: boolean
  /** Totals: of the reasons for a refusal; of everything if it is served. */
  readonly weighed: Weighed
  /** "3 rules, 41 connections open, 120 in the last minute". */
  readonly text: string
  /** CFG470 for each lost rule, and for every other reason for a refusal. */
  readonly findings: readonly Diagnostic[]
  /** Warnings of a served change, a sentence for each. */
  readonly warnings: readonly string[]
}

/** Reads traffic from the counts; `lastMinute` is the observer's. */
export type Counts = {
  readonly totals: readonly Total<SeriesName>[]
  readonly lastMinute: (total: Total<SeriesName>) => number
}

const CODE: Code = 'CFG470'

export function judge(mode: GuardMode, losses: Losses, counts: Counts): Verdict {
  const traffic = new TrafficByKey(losses, counts)
  const isBusy = (kind: LossKind): boolean =>
    (losses[kind].open ?? 0) > 0 || traffic.of(losses[kind].keys).lastMinute > 0
  const fatal = LOSS_KINDS.filter(
    kind =>
      kind !== 'ended' &&
      losses[kind].count > 0 &&
      mode !== 'warn' &&
      (kind === 'lost' || (mode === 'strict' && isBusy(kind))),
  )
  const refused = fatal.length > 0
  const meant = refused ? fatal : LOSS_KINDS
  const weighed = weigh(losses, meant, traffic)
  return {
    refused,
    weighed,
    text: weighedText(
      weighed,
      meant.some(kind => losses[kind].isCut),
    ),
    findings: LOSS_KINDS.filter(kind => (refused ? fatal.includes(kind) : kind === 'lost')).flatMap(kind =>
      losses[kind].named.map(loss => finding(kind, loss, traffic.of(loss.keys), refused)),
    ),
    warnings: refused
      ? []
      : LOSS_KINDS.filter(kind => kind !== 'lost').flatMap(kind => warningsOf(kind, losses, traffic)),
  }
}

/** "3 rules, 41 connections open, 120 in the last minute". */
function weighedText(weighed: Weighed, isCut: boolean): string {
  const { rules, listeners, destinations, policies, endpoints, open, lastMinute } = weighed
  const what = [
    ...(rules > 0 ? [plural(rules, 'rule')] : []),
    ...(listeners > 0 ? [plural(listeners, 'listener')] : []),
    ...(destinations > 0 ? [plural(destinations, 'destination')] : []),
    ...(policies > 0 ? [plural(policies, 'rule of policies', 'rules of policies')] : []),
    ...(endpoints > 0 ? [plural(endpoints, 'endpoint')] : []),
  ]
  return `${what.join(', ')}, ${isCut ? 'at least ' : ''}${trafficText({ open, lastMinute })}`
}

const trafficText = ({ open, lastMinute }: Traffic): string =>
  `${plural(open, 'connection')} open, ${lastMinute} in the last minute`

const plural = (count: number, word: string, words = `${word}s`): string =>
  `${count} ${count === 1 ? word : words}`

function weigh(losses: Losses, kinds: readonly LossKind[], traffic: TrafficByKey): Weighed {
  const count = (...of: readonly LossKind[]): number =>
    of.reduce((sum, kind) => sum + (kinds.includes(kind) ? losses[kind].count : 0), 0)
  const { open, lastMinute } = traffic.of(kinds.flatMap(kind => losses[kind].keys))
  const found = kinds.map(kind => losses[kind].open ?? 0)
  return {
    rules: count('lost', 'removed'),
    listeners: count('closed', 'reads', 'unserved'),
    destinations: count('emptied', 'sends'),
    policies: count('denied'),
    endpoints: count('ended'),
    open: Math.max(open, ...found), // some may be both
    lastMinute,
  }
}

const SENTENCES: { readonly [kind in LossKind]: (loss: Loss) => string } = {
  lost: ({ name, missing }) =>
    `${name} would reset its connections: nothing defines ${missing.join(', ')} any more`,
  removed: ({ name }) => `${name} is not there any more`,
  closed: ({ name }) => `listener ${name} closes`,
  emptied: ({ name }) => `${name} has no endpoint any more`,
  reads: ({ name, change }) => `listener ${name} ${change}`,
  sends: ({ name, change }) => `${name} ${change}`,
  denied: ({ name, change }) => `${name} ${change}`,
  unserved: ({ name, change }) => `listener ${name} ${change}`,
  ended: ({ name, change }) => `${name} ${change}`,
}

function finding(kind: LossKind, loss: Loss, traffic: Traffic, refused: boolean): Diagnostic {
  const { file, line, resource } = loss.at
  return {
    code: CODE,
    severity: refused ? 'error' : 'warning',
    file,
    line,
    column: 1,
    message:
      loss.open === undefined ? `${SENTENCES[kind](loss)}; ${trafficText(traffic)}` : SENTENCES[kind](loss),
    ...(resource === null ? {} : { resource }),
    ...(kind === 'lost' ? { hint: 'define it again, or correct the destination' } : {}),
  }
}

/** Sentences of one kind that are listed. */
const WARNINGS_MAX = 10

function warningsOf(kind: LossKind, losses: Losses, traffic: TrafficByKey): string[] {
  const { named, count } = losses[kind]
  const told = named.slice(0, WARNINGS_MAX)
  const rest = count - told.length
  return [
    ...told.map(loss => {
      const has = loss.open === undefined ? `: it has ${trafficText(traffic.of(loss.keys))}` : ''
      return `${placeText(loss)}${SENTENCES[kind](loss)}${has}`
    }),
    ...(rest > 0 ? [`and ${rest} more like this`] : []),
  ]
}

/** Removed things have no place; changed ones do. */
const placeText = ({ at: { file, line }, change }: Loss): string =>
  change === undefined ? '' : `${whereText(file, line)}: `

/** The counts by the keys that losses look up. */
class TrafficByKey {
  readonly #traffic: Traffic[] = []
  readonly #byKey = new Map<string, number[]>()

  constructor(losses: Losses, { totals, lastMinute }: Counts) {
    const wanted = new Set(
      LOSS_KINDS.flatMap(kind => [...losses[kind].keys, ...losses[kind].named.flatMap(each => each.keys)]),
    )
    for (const total of totals) {
      const keys = countKeys(total.name.rule, total.name.destination).filter(key => wanted.has(key))
      if (keys.length === 0) continue
      const open = total.opened - total.moved - total.closed
      const index = this.#traffic.push({ open, lastMinute: lastMinute(total) }) - 1
      for (const key of keys) {
        const known = this.#byKey.get(key)
        if (known) known.push(index)
        else this.#byKey.set(key, [index])
      }
    }
  }

  /** The connections with any of these keys, each once. */
  of(keys: readonly string[]): Traffic {
    const found = new Set(keys.flatMap(key => this.#byKey.get(key) ?? []))
    let [open, lastMinute] = [0, 0]
    for (const index of found) {
      open += this.#traffic[index].open
      lastMinute += this.#traffic[index].lastMinute
    }
    return { open, lastMinute }
  }
}
