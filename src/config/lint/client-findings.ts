/**
 * Reports rules that no known client matches (IST0127).
 *
 * weir knows a client's identity by its address, from the Settings, WorkloadEntries and Pods. No
 * connection can have a label or namespace that none of them has.
 */

import { Conditions } from '../../table/build/conditions.ts'
import {
  type Plan,
  type Rule,
  type RuleOrigin,
  type SourceCondition,
  UNKNOWN_CLIENT,
} from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { VirtualService } from '../plan/virtual-services.ts'
import { namespacesOf } from './asks.ts'

/** Wishes of one VirtualService that are reported. */
const WISHES_MAX = 10
const HINT = 'correct it, or define the clients: sources in the Settings, WorkloadEntries, Pods'

export function reportClients(
  plan: Plan,
  virtualServices: ReadonlyMap<string, VirtualService>,
  findings: Findings,
): void {
  const rules = plan.listeners
    .flatMap(({ scopes }) => scopes.flatMap(scope => scope.rules))
    .map(openToUnknown)
    .filter(asks)
  if (rules.length === 0) return
  const known = new KnownClients(rules, plan)
  const used = new Set(rules.filter(rule => known.fulfil(rule.source)).map(rule => rule.origin))
  const unused = new Map(rules.filter(each => !used.has(each.origin)).map(each => [each.origin, each]))
  for (const [id, wanting] of Map.groupBy(unused.values(), each => each.origin.virtualService)) {
    const virtualService = virtualServices.get(id)
    if (virtualService) reportWanting(wanting, known, virtualService, findings)
  }
}

/** One finding for each wish, as several matches often have the same one. */
function reportWanting(
  rules: readonly Rule[],
  known: KnownClients,
  virtualService: VirtualService,
  findings: Findings,
): void {
  // A rule without conditions fails by visibility alone, even if no client is known at all.
  const isHidden = ({ source }: Rule): boolean =>
    wishOf(source) === '' || known.fulfil(withoutVisibility(source))
  const hidden = rules.find(isHidden)
  if (hidden) reportVisibility(hidden, virtualService, findings)
  const byWish = [
    ...Map.groupBy(
      rules.filter(each => !isHidden(each)),
      each => wishOf(each.source),
    ).values(),
  ]
  for (const [index, alike] of byWish.slice(0, WISHES_MAX).entries()) {
    const rest = index + 1 === WISHES_MAX ? byWish.length - WISHES_MAX : 0
    reportWish(alike, rest, virtualService, findings)
  }
}

function reportVisibility(
  { source }: Rule,
  { resource, visibility }: VirtualService,
  findings: Findings,
): void {
  const isOwn = visibility !== 'public'
  const what = isOwn ? 'the VirtualService' : 'a service of its hosts'
  const names = [...(isOwn ? visibility : (source.visibleTo ?? []))].map(quote).join(', ')
  const message = `only clients in ${names} see ${what}, and no known client is there`
  findings.at('IST0127', resource, ['spec', isOwn ? 'exportTo' : 'hosts'], message, HINT)
}

/** `rest` is the number of wishes that are not reported. */
function reportWish(
  [{ source, origin }, ...others]: readonly Rule[],
  rest: number,
  { resource }: VirtualService,
  findings: Findings,
): void {
  const field = Object.keys(source.labels).length > 0 ? 'sourceLabels' : 'sourceNamespace'
  const alike = others.length === 0 ? '' : `; ${others.length} more of its matches require the same`
  const more = rest === 0 ? '' : `; and ${rest} more such conditions of this VirtualService`
  const message = `no known client is ${wishOf(source)}${alike}${more}`
  findings.at('IST0127', resource, [...pathOf(origin), field], message, HINT)
}

/** The conditions of rules, each once, and whether any client fulfils them. */
class KnownClients {
  readonly #indexes = new Map<string, number>()
  readonly #fulfilled = new Set<number>()

  constructor(rules: readonly Rule[], { sources }: Plan) {
    const list: SourceCondition[] = []
    for (const { source } of rules) {
      for (const each of [source, withoutVisibility(source)]) {
        const index = this.#indexes.getOrInsert(keyOf(each), list.length)
        if (index === list.length) list.push(each)
      }
    }
    const conditions = new Conditions(list)
    for (const { namespace, labels } of sources) {
      conditions.visit({ namespace, labels }, index => this.#fulfilled.add(index))
    }
  }

  fulfil(condition: SourceCondition): boolean {
    return this.#fulfilled.has(this.#indexes.get(keyOf(condition)) ?? -1)
  }
}

const keyOf = ({ namespace, labels, visibleTo }: SourceCondition): string =>
  JSON.stringify([namespace, Object.entries(labels).sort(), visibleTo])

const withoutVisibility = (source: SourceCondition): SourceCondition => ({ ...source, visibleTo: null })

/** A client of an unknown namespace sees everything. */
const openToUnknown = (rule: Rule): Rule =>
  rule.source.visibleTo?.includes(UNKNOWN_CLIENT) ? { ...rule, source: withoutVisibility(rule.source) } : rule

/** A rule that contradicts itself has its own finding (rule-findings.ts). */
const asks = ({ never, source }: Rule): boolean =>
  never === null &&
  namespacesOf(source)?.length !== 0 &&
  (source.namespace !== null || source.visibleTo !== null || Object.keys(source.labels).length > 0)

/** 'labelled "app=web", "version=v2" in namespace "shop"'. */
function wishOf({ namespace, labels }: SourceCondition): string {
  const pairs = Object.entries(labels).map(([key, value]) => quote(`${key}=${value}`))
  const labelled = pairs.length === 0 ? '' : `labelled ${pairs.join(', ')}`
  return [labelled, namespace === null ? '' : `in namespace ${quote(namespace)}`].filter(Boolean).join(' ')
}

export const pathOf = ({ block, route, match }: RuleOrigin): (string | number)[] =>
  match === null ? ['spec', block, route] : ['spec', block, route, 'match', match]
