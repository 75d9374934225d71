/**
 * Notes about ranges inside others: in one match, where the inner one has no effect, and in an
 * earlier route, where list order decides differently from the longest prefix.
 */

import { type Cidr, formatCidr } from '../../address/address.ts'
import type { Plan, Rule, RuleOrigin, Scope } from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { ReadMatch, VirtualService } from '../plan/virtual-services.ts'
import { overlap } from './asks.ts'
import { pathOf } from './client-findings.ts'
import { isWithin, PrefixMap } from './prefix-map.ts'
import type { Review } from './review.ts'
import { nameOf } from './rule-findings.ts'

/** Rules with the same range that are kept to compare later ones with. */
const KEPT_MAX = 8

export function reportOrder(
  plan: Plan,
  review: Review,
  virtualServices: ReadonlyMap<string, VirtualService>,
  findings: Findings,
): void {
  for (const virtualService of virtualServices.values()) {
    for (const match of virtualService.blocks.tcp.flatMap(route => route.matches)) {
      reportRepeated(match, virtualService, findings)
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
  const more =
    idle.length === 1
      ? ''
      : `, and ${idle.length - 1} more of its ranges ${idle.length === 2 ? 'has' : 'have'} no effect either`
  findings.at(
    'CFG453',
    resource,
    [...path, 'destinationSubnets', index],
    `${formatCidr(inner)} ${how}${more}`,
  )
}

type Shadow = { readonly later: Rule; readonly range: number; others: number }
type Kept = { readonly rule: Rule; readonly cidr: Cidr }

/** Pairs of rules where the earlier has a wider range around one of the later, by the earlier. */
class Shadows {
  readonly #review: Review
  readonly #pairs = new Map<RuleOrigin, { shadow: Shadow; readonly seen: Set<RuleOrigin> }>()

  constructor(review: Review) {
    this.#review = review
  }

  look({ rules }: Scope): void {
    const earlier = new PrefixMap<Kept[]>()
    for (const rule of rules) {
      if (rule.never !== null || rule.destinations.length === 0) continue
      const shadow = this.#firstAround(rule, earlier)
      if (shadow) this.#add(shadow.earlier, rule, shadow.range)
      for (const cidr of rule.destinations) {
        const kept = earlier.get(cidr)
        if (!kept) earlier.set(cidr, [{ rule, cidr }])
        else if (kept.length < KEPT_MAX) kept.push({ rule, cidr })
      }
    }
  }

  /** One note for each earlier rule, at the first rule that it precedes. */
  report(virtualServices: ReadonlyMap<string, VirtualService>, findings: Findings): void {
    for (const [earlier, { shadow }] of this.#pairs) {
      const { later, range, others } = shadow
      const owner = virtualServices.get(later.origin.virtualService)
      if (!owner) continue
      const more = others === 0 ? '' : `; it also precedes ${others} more`
      const message = `${nameOf(earlier, owner.resource.id)} has a wider range around ${formatCidr(later.destinations[range])} and comes first, so it takes connections that match both${more}`
      findings.at(
        'CFG454',
        owner.resource,
        [...pathOf(later.origin), 'destinationSubnets', range],
        message,
        HINT,
      )
    }
  }

  #firstAround(rule: Rule, earlier: PrefixMap<Kept[]>): { earlier: Rule; range: number } | null {
    const verdict = this.#review.verdicts.get(rule.origin)?.fate
    if (verdict && verdict.kind !== 'used') return null
    const idle = new Set(verdict?.ranges.map(each => each.range))
    for (const [range, cidr] of rule.destinations.entries()) {
      if (idle.has(range)) continue
      for (const kept of earlier.around(cidr)) {
        const found = kept.find(each => each.cidr.bits < cidr.bits && differs(each.rule, rule))
        if (found && isWithin(cidr, found.cidr)) return { earlier: found.rule, range }
      }
    }
    return null
  }

  #add(earlier: Rule, later: Rule, range: number): void {
    const known = this.#pairs.get(earlier.origin)
    if (!known) {
      const shadow = { later, range, others: 0 }
      this.#pairs.set(earlier.origin, { shadow, seen: new Set([later.origin]) })
    } else if (!known.seen.has(later.origin)) {
      known.seen.add(later.origin)
      known.shadow.others++
    }
  }
}

const HINT =
  'list order decides here, not the longest prefix as in a sidecar: if the longer one should win, move it first'

/** Whether one connection may match both, and gets another destination by each. */
const differs = (left: Rule, right: Rule): boolean => left.route !== right.route && overlap(left, right)
