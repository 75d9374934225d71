/**
 * Reports rules, matches, ranges and server names that are never used, and the earlier ones that
 * take their connections.
 */

import { type Cidr, contains, formatCidr } from '../../address/address.ts'
import { whereText } from '../../base/where-text.ts'
import type { Rule, RuleOrigin } from '../../table/plan/plan.ts'
import { plainName, takesName } from '../../table/plan/server-name.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { VirtualService } from '../plan/virtual-services.ts'
import type { Found, RuleCode, Told, Verdict } from './found.ts'
import type { Review } from './review.ts'
import type { ReviewMemory } from './review-memory.ts'
import type { NameFate } from './review-scope.ts'

/** Rules that a message names. */
const NAMED_MAX = 3
/** Findings of one code in one VirtualService; the others are counted. */
const TOLD_MAX = 100
const SIDECAR_HINT =
  'list order decides here, not the longest prefix as in a sidecar: move this before the other, or remove it'
const NAME_HINT =
  'list order decides here, not the most specific server name as in Envoy: move this before the other, or remove it'
const AGE_HINT =
  'VirtualServices are tried in this order: private ones, those exported by name, public ones; each by creationTimestamp, then by name'

/** Of the same verdicts, which are on a VirtualService that stays as it is, the same is told. */
export function reportRules(
  { found }: Review,
  virtualServices: ReadonlyMap<string, VirtualService>,
  findings: Findings,
  memory: ReviewMemory,
): void {
  for (const [id, verdicts] of found) {
    const virtualService = virtualServices.get(id)
    if (!virtualService) continue
    const { resource } = virtualService
    const told = memory.told(verdicts, () => new Reporter(virtualService, findings).report(verdicts))
    for (const { code, path, message, hint } of told) findings.at(code, resource, path, message, hint)
  }
}

class Reporter {
  readonly #virtualService: VirtualService
  readonly #findings: Findings
  readonly #list: Told[] = []
  readonly #said = new Set<string>()
  readonly #counts = new Map<RuleCode, number>()
  /** Ranges that lie outside, each once: often all of a large VirtualService. */
  readonly #outside = new Set<number | string>()
  #firstOutside: { readonly cidr: Cidr; readonly path: Path } | null = null
  /** Server names that no server takes, each once, with the place of the first, and its owner. */
  readonly #untaken = new Map<string, { readonly path: Path; readonly owner: string | null }>()

  constructor(virtualService: VirtualService, findings: Findings) {
    this.#virtualService = virtualService
    this.#findings = findings
  }

  report(found: readonly Found[]): readonly Told[] {
    const byRoute = Map.groupBy(found, ({ origin }) => `${origin.block} ${origin.route}`)
    const [whole, partly] = partition([...byRoute.values()], each => this.#isWholeRoute(each))
    if (!this.#reportAll(whole)) for (const each of whole) this.#reportRoute(each)
    for (const each of partly.flat()) this.#reportMatch(each)
    this.#reportOutside()
    this.#reportUntaken()
    for (const [code, count] of this.#counts) {
      if (count <= TOLD_MAX) continue
      const message = `and ${count - TOLD_MAX} more in this VirtualService that are never used`
      this.#list.push({ code, path: ['spec'], message })
    }
    return this.#list
  }

  /** Whether every match of the route is taken. */
  #isWholeRoute(found: readonly Found[]): boolean {
    if (!found.every(({ verdict }) => verdict.fate.kind === 'taken')) return false
    const { block, route } = found[0].origin
    const matches =
      block === 'http' || block === 'rules'
        ? 0
        : (this.#virtualService.spec[block]?.[route]?.match?.length ?? 0)
    return found.length === Math.max(1, matches)
  }

  /** One finding for a VirtualService if others take every route of it; false otherwise. */
  #reportAll(whole: readonly (readonly Found[])[]): boolean {
    if (whole.length < 2) return false
    const { resource, spec } = this.#virtualService
    const takers = takersOf(whole.flat())
    const block = whole[0]?.[0].origin.block ?? 'http'
    const isAll =
      block !== 'http' &&
      block !== 'rules' &&
      whole.length === spec[block]?.length &&
      whole.every(([{ origin }]) => origin.block === block)
    if (!isAll || takers.some(({ origin }) => origin.virtualService === resource.id)) return false
    const message = `none of the ${whole.length} routes is ever used: ${this.#taking(takers)}`
    this.#list.push({ code: 'IST0130', path: ['spec', block], message, hint: AGE_HINT })
    return true
  }

  #reportRoute(found: readonly Found[]): void {
    const { block, route } = found[0].origin
    const path = ['spec', block, route]
    const message = `${block}[${route}] is never used: ${this.#taking(takersOf(found))}`
    this.#say('IST0130', path, message, this.#hint(found.map(each => each.verdict)))
  }

  #reportMatch({ origin, verdict }: Found): void {
    const { block, route, match } = origin
    const { fate, rule } = verdict
    if (fate.kind === 'impossible' && fate.why === 'outside') {
      this.#addOutside(rule, origin)
      return
    }
    const routePath = ['spec', block, route]
    const path = matchPath(origin)
    if (fate.kind === 'taken') {
      if (this.#has('IST0130', routePath)) return
      const message = `match[${match}] of ${block}[${route}] is never used: ${this.#taking(fate.by)}`
      this.#say('IST0131', path, message, this.#hint([verdict]))
    } else if (fate.kind === 'used') {
      for (const { range, by } of fate.ranges) this.#reportRange(rule, range, by, path)
      for (const each of fate.names) this.#reportName(rule, each)
    } else if (fate.kind === 'unnamed') {
      for (const each of fate.names) this.#reportName(rule, each)
    } else if (fate.why === 'nobody') {
      const { namespace, visibleTo } = rule.source
      const message = `no client in namespace ${namespace} sees the VirtualService: it is exported to ${visibleTo?.join(', ')}`
      this.#say('IST0127', [...path, 'sourceNamespace'], message)
    }
  }

  #reportRange(rule: Rule, range: number, by: readonly Rule[], path: Path): void {
    const cidr = rule.destinations[range]
    if (by.length === 0) {
      this.#noteOutside(cidr, range, rule.origin)
      return
    }
    const message = `${formatCidr(cidr)} is never used here: ${this.#taking(by)}`
    this.#say('CFG451', [...path, 'destinationSubnets', range], message, sidecarHint(rule, by))
  }

  /** Often all rules of a large VirtualService: only the first is told. */
  #addOutside({ destinations }: Rule, origin: RuleOrigin): void {
    for (let range = 0; range < destinations.length; range++)
      this.#noteOutside(destinations[range], range, origin)
  }

  #noteOutside(cidr: Cidr, range: number, origin: RuleOrigin): void {
    this.#firstOutside ??= { cidr, path: [...matchPath(origin), 'destinationSubnets', range] }
    this.#outside.add(cidr.family === 4 ? cidr.words[0] * 64 + cidr.bits : formatCidr(cidr))
  }

  #reportName(rule: Rule, { name: index, by, owner }: NameFate): void {
    const name = rule.names?.[index] ?? ''
    const path = namePath(this.#virtualService, rule.origin, name)
    if (by.length === 0) this.#untaken.getOrInsert(name, { path, owner })
    else {
      const hint = by.some(taker => isWider(taker, name)) ? NAME_HINT : undefined
      this.#say('CFG451', path, `${name} is never used here: ${this.#taking(by)}`, hint)
    }
  }

  /** One finding for all of them: the usual mistake is the hosts of one server. */
  #reportUntaken(): void {
    const [first, ...others] = this.#untaken
    if (!first) return
    const [name, { path, owner }] = first
    const who = owner === null ? '' : `, but one of Gateway ${owner} does`
    const more =
      others.length === 0
        ? ''
        : `; so it is with ${others.length} other ${others.length === 1 ? 'name' : 'names'} of this VirtualService`
    this.#say('CFG466', path, `no server that admits the VirtualService takes ${quote(name)}${who}${more}`)
  }

  /**
   * One finding for all of them: the usual mistake is the address of the service or the listener.
   */
  #reportOutside(): void {
    const first = this.#firstOutside
    if (!first) return
    const others = this.#outside.size - 1
    const more =
      others === 0
        ? ''
        : `, nor in ${others} other ${others === 1 ? 'range' : 'ranges'} of this VirtualService`
    const message = `no service and no listener of the rule has an address in ${formatCidr(first.cidr)}${more}`
    this.#say('CFG452', first.path, message)
  }

  #say(code: RuleCode, path: Path, message: string, hint?: string): void {
    if (this.#has(code, path)) return
    const told = (this.#counts.get(code) ?? 0) + 1
    this.#counts.set(code, told)
    if (told > TOLD_MAX) return
    this.#said.add(placeOf(code, path))
    this.#list.push({ code, path, message, hint })
  }

  /** Whether it is told already: here, or by validate/, which goes by the VirtualService alone. */
  #has(code: RuleCode, path: Path): boolean {
    return (
      this.#said.has(placeOf(code, path)) || this.#findings.has(code, this.#virtualService.resource, path)
    )
  }

  #hint(verdicts: readonly Verdict[]): string | undefined {
    const takers = verdicts.flatMap(({ fate }) => (fate.kind === 'taken' ? fate.by : []))
    const isForeign = takers.every(each => each.origin.virtualService !== this.#virtualService.resource.id)
    if (isForeign) return AGE_HINT
    const { rule } = verdicts[0]
    const isNamed = rule.names?.some(name => takers.some(taker => isWider(taker, name)))
    return isNamed ? NAME_HINT : sidecarHint(rule, takers)
  }

  /** "tcp[0] (a.yaml:12) and tcp[1] (a.yaml:15) together take all of it". */
  #taking(takers: readonly Rule[]): string {
    const names = takers
      .slice(0, NAMED_MAX)
      .map(({ origin }) => nameOf(origin, this.#virtualService.resource.id))
    if (takers.length === 1) return `${names[0]} takes its connections first`
    const more = takers.length - names.length
    if (more > 0) names.push(`${more} more`)
    return `${names.slice(0, -1).join(', ')} and ${names.at(-1)} together take its connections first`
  }
}

const placeOf = (code: RuleCode, path: Path): string => `${code} ${path.join('.')}`

function matchPath({ block, route, match }: RuleOrigin): Path {
  return match === null ? ['spec', block, route] : ['spec', block, route, 'match', match]
}

/** "tcp[0].match[1] (a.yaml:12)", with the VirtualService if it is not `home`. */
export function nameOf(
  { virtualService, block, route, match, file, line }: RuleOrigin,
  home: string,
): string {
  const owner = virtualService === home ? '' : `VirtualService ${virtualService} `
  return `${owner}${block}[${route}]${match === null ? '' : `.match[${match}]`} (${whereText(file, line)})`
}

function takersOf(found: readonly Found[]): Rule[] {
  const takers = found.flatMap(({ verdict: { fate } }) => (fate.kind === 'taken' ? fate.by : []))
  return [...new Map(takers.map(each => [each.origin, each])).values()]
}

function partition<Value>(values: readonly Value[], test: (value: Value) => boolean): [Value[], Value[]] {
  return [values.filter(test), values.filter(value => !test(value))]
}

/** Whether a taker asks for a wildcard that covers a name. */
const isWider = ({ names = [] }: Rule, name: string): boolean =>
  names.some(outer => outer !== name && takesName(outer, name))

/** Where a server name of a rule is written. */
export function namePath({ spec }: VirtualService, { route, match }: RuleOrigin, name: string): Path {
  const written = spec.tls?.[route]?.match?.[match ?? 0]?.sniHosts ?? []
  const index = written.findIndex(each => plainName(each) === name)
  return ['spec', 'tls', route, 'match', match ?? 0, 'sniHosts', index]
}

/** A hint for readers who expect the longest prefix to win, as in Envoy's filter chains. */
function sidecarHint({ destinations }: Rule, takers: readonly Rule[]): string | undefined {
  const isLonger = destinations.some(({ family, words, bits }) =>
    takers.some(taker => taker.destinations.some(each => each.bits < bits && contains(each, family, words))),
  )
  return isLonger ? SIDECAR_HINT : undefined
}
