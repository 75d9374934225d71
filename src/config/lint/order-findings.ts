/**
 * Notes about ranges and server names inside others: in one match, where the inner one has no
 * effect, and in an earlier route, where list order decides, not the more specific one.
 */

import { type Cidr, formatCidr } from '../../address/address.ts'
import type { Plan, Rule, RuleOrigin, Scope } from '../../table/plan/plan.ts'
import { plainName } from '../../table/plan/server-name.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import type { ReadMatch, VirtualService } from '../plan/virtual-services.ts'
import { overlap, patternsAround } from './asks.ts'
import { pathOf } from './client-findings.ts'
import { isWithin, PrefixMap } from './prefix-map.ts'
import type { Review } from './review.ts'
import { nameOf, namePath } from './rule-findings.ts'

/** Rules with one range or name that are kept to compare later ones with. */
const KEPT_MAX = 8

export function reportOrder(
  plan: Plan,
  review: Review,
  virtualServices: ReadonlyMap<string, VirtualService>,
  findings: Findings,
): void {
  for (const virtualService of virtualServices.values()) {
    const { tcp, tls } = virtualService.blocks
    for (const match of [...tcp, ...tls].flatMap(route => route.matches)) {
      reportRepeated(match, virtualService, findings)
      reportRepeatedNames(match, virtualService, findings)
    }
  }
  const shadows = new Shadows(review)
  for (const scope of plan.listeners.flatMap(each => each.scopes)) shadows.look(scope)
  shadows.report(virtualServices, findings)
  for (const origin of review.incomplete) {
    const owner = virtualServices.get(origin.virtualService)
    const message =
      'too many rules match different clients here; weir looked only for coverage by single rules'
    if (owner) findings.at('CFG455', owner.resource, pathOf(origin), message)
  }
}

/** One note per match, even if several of its ranges have no effect. */
function reportRepeated(
  { destinations, path }: ReadMatch,
  { resource }: VirtualService,
  findings: Findings,
): void {
  if (destinations.length < 2) return
  const indexes = new PrefixMap<number>()
  for (const [index, cidr] of destinations.entries()) {
    if (indexes.get(cidr) === undefined) indexes.set(cidr, index)
  }
  const idle = destinations.flatMap((cidr, index) => {
    const outer = indexes.around(cidr).find(each => each !== index)
    return outer === undefined ? [] : [{ index, outer }]
  })
  if (idle.length === 0) return
  const [{ index, outer }] = idle
  const [inner, around] = [destinations[index], destinations[outer]]
  const same = inner.bits === around.bits
  const how = same ? 'appears twice in this match' : `is inside ${formatCidr(around)} of the same match`
  findings.at(
    'CFG453',
    resource,
    [...path, 'destinationSubnets', index],
    `${formatCidr(inner)} ${how}${moreOf(idle.length - 1, 'ranges')}`,
  )
}

/** The same of server names. */
function reportRepeatedNames(
  { origin, path }: ReadMatch,
  { resource, spec }: VirtualService,
  findings: Findings,
): void {
  const written = spec.tls?.[origin.route]?.match?.[origin.match ?? 0]?.sniHosts ?? []
  if (origin.block !== 'tls' || written.length < 2) return
  const names = written.map(plainName)
  const indexes = new Map(names.map((name, index) => [name, index] as const).reverse())
  const idle = names.flatMap((name, index) => {
    const outer = patternsAround(name).find(each => (indexes.get(each) ?? index) !== index)
    return outer === undefined ? [] : [{ index, outer }]
  })
  if (idle.length === 0) return
  const [{ index, outer }] = idle
  const same = outer === names[index]
  const how = same ? 'appears twice in this match' : `is inside ${outer} of the same match`
  const message = `${names[index]} ${how}${moreOf(idle.length - 1, 'names')}`
  findings.at('CFG453', resource, [...path, 'sniHosts', index], message)
}

function moreOf(count: number, what: string): string {
  if (count === 0) return ''
  return `, and ${count} more of its ${what} ${count === 1 ? 'has' : 'have'} no effect either`
}

/** `inner` is what of the later rule the earlier is around: a range of it, or a server name. */
type Inner = { readonly range: number } | { readonly name: string }
type Shadow = { readonly later: Rule; readonly inner: Inner; others: number }
type Kept = { readonly rule: Rule; readonly cidr: Cidr }

/**
 * Pairs of rules where the earlier has a wider range or name around one of the later, by the
 * earlier.
 */
class Shadows {
  readonly #review: Review
  readonly #pairs = new Map<RuleOrigin, { shadow: Shadow; readonly seen: Set<RuleOrigin> }>()

  constructor(review: Review) {
    this.#review = review
  }

  look({ rules }: Scope): void {
    const earlier = new PrefixMap<Kept[]>()
    const named = new Map<string, Rule[]>()
    for (const rule of rules) {
      if (rule.never !== null) continue
      const shadow = this.#firstAround(rule, earlier) ?? this.#firstAroundName(rule, named)
      if (shadow) this.#add(shadow.earlier, rule, shadow.inner)
      for (const cidr of rule.destinations) {
        const kept = earlier.get(cidr)
        if (!kept) earlier.set(cidr, [{ rule, cidr }])
        else if (kept.length < KEPT_MAX) kept.push({ rule, cidr })
      }
      for (const name of rule.names ?? []) {
        const kept = named.getOrInsertComputed(name, () => [])
        if (kept.length < KEPT_MAX) kept.push(rule)
      }
    }
  }

  /** One note for each earlier rule, at the first rule that it precedes. */
  report(virtualServices: ReadonlyMap<string, VirtualService>, findings: Findings): void {
    for (const [earlier, { shadow }] of this.#pairs) {
      const { later, inner, others } = shadow
      const owner = virtualServices.get(later.origin.virtualService)
      if (!owner) continue
      const more = others === 0 ? '' : `; it also precedes ${others} more`
      const { path, around, hint } = shown(inner, later, owner)
      const message = `${nameOf(earlier, owner.resource.id)} has a wider ${around} and comes first, so it takes connections that match both${more}`
      findings.at('CFG454', owner.resource, path, message, hint)
    }
  }

  #firstAround(rule: Rule, earlier: PrefixMap<Kept[]>): { earlier: Rule; inner: Inner } | null {
    if (rule.destinations.length === 0) return null
    const verdict = this.#review.verdicts.get(rule.origin)?.fate
    if (verdict && verdict.kind !== 'used') return null
    const idle = new Set(verdict?.ranges.map(each => each.range))
    for (const [range, cidr] of rule.destinations.entries()) {
      if (idle.has(range)) continue
      for (const kept of earlier.around(cidr)) {
        const found = kept.find(each => each.cidr.bits < cidr.bits && differs(each.rule, rule))
        if (found && isWithin(cidr, found.cidr)) return { earlier: found.rule, inner: { range } }
      }
    }
    return null
  }

  #firstAroundName(
    rule: Rule,
    named: ReadonlyMap<string, readonly Rule[]>,
  ): { earlier: Rule; inner: Inner } | null {
    const verdict = this.#review.verdicts.get(rule.origin)?.fate
    if (verdict && verdict.kind !== 'used') return null
    const idle = new Set(verdict?.names.map(each => each.name))
    for (const [index, name] of (rule.names ?? []).entries()) {
      if (idle.has(index)) continue
      for (const wider of patternsAround(name).slice(1)) {
        const found = named.get(wider)?.find(each => differs(each, rule) && destinationsMeet(each, rule))
        if (found) return { earlier: found, inner: { name } }
      }
    }
    return null
  }

  #add(earlier: Rule, later: Rule, inner: Inner): void {
    const known = this.#pairs.get(earlier.origin)
    if (!known) {
      const shadow = { later, inner, others: 0 }
      this.#pairs.set(earlier.origin, { shadow, seen: new Set([later.origin]) })
    } else if (!known.seen.has(later.origin)) {
      known.seen.add(later.origin)
      known.shadow.others++
    }
  }
}

const RANGE_HINT =
  'list order decides here, not the longest prefix as in a sidecar: if the longer one should win, move it first'
const NAME_HINT =
  'list order decides here, not the most specific server name as in Envoy: if that should win, move it first'

function shown(inner: Inner, { origin, destinations }: Rule, owner: VirtualService) {
  if ('name' in inner) {
    const path = namePath(owner, origin, inner.name)
    return { path, around: `server name around ${inner.name}`, hint: NAME_HINT }
  }
  const path: Path = [...pathOf(origin), 'destinationSubnets', inner.range]
  return { path, around: `range around ${formatCidr(destinations[inner.range])}`, hint: RANGE_HINT }
}

/** Whether one connection may match both, and gets another destination by each. */
const differs = (left: Rule, right: Rule): boolean => left.route !== right.route && overlap(left, right)

const destinationsMeet = (left: Rule, right: Rule): boolean =>
  left.destinations.length === 0 ||
  right.destinations.length === 0 ||
  left.destinations.some(one => right.destinations.some(two => isWithin(one, two) || isWithin(two, one)))
