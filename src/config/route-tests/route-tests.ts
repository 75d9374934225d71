/**
 * Route tests: from RouteTest resources to questions and expected answers.
 *
 * A test may omit what the configuration implies, and its gateways and rules must exist. So this
 * comes after the Plan. A served configuration reads no RouteTests at all
 * (../text/read-documents.ts).
 */

import { formatAddress, parseAddress, splitEndpoint } from '../../address/address.ts'
import type { ReasonName } from '../../stats/reasons.ts'
import type { Question } from '../../table/explain/explanation.ts'
import type { Listener, Plan, RuleOrigin } from '../../table/plan/plan.ts'
import {
  parseRuleName,
  type RuleName,
  ruleName,
  ruleResource,
  WITHOUT_RULE,
  type WithoutRule,
} from '../../table/plan/rule-name.ts'
import { findGateway, type Gateways, gatewaysOf } from '../choose-gateway.ts'
import type { Code } from '../findings/codes.ts'
import type { Findings, Path, Place } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import { isRouteTest } from '../kinds.ts'
import { expandHost } from '../plan/names.ts'
import type { Planned } from '../plan/to-plan.ts'
import type { Resource } from '../resource.ts'
import { parseTarget } from '../validate/route-test.ts'

export type RouteTest = {
  /** The resource that defines it: "shop/orders". */
  readonly routeTest: string
  readonly name: string
  readonly place: Place
  readonly question: Question
  readonly expect: Expectation
}

/** null: no expectation. */
export type Expectation = {
  /** Full name, or an address. */
  readonly destination: string | null
  readonly port: number | null
  readonly subset: string | null
  /** Of all connections of the question; in percent, and in percentage points. */
  readonly share: { readonly percent: number; readonly within: number } | null
  readonly reason: ReasonName | null
  readonly rule: RuleName | WithoutRule | null
}

/** As checked by ../validate/route-test.ts. */
type Written = {
  readonly name: string
  readonly connection: Readonly<
    Partial<Record<'gateway' | 'from' | 'peer' | 'to' | 'namespace' | 'sni' | 'identity', string | null>>
  > & {
    readonly labels?: Readonly<Record<string, string | null>> | null
  }
  readonly expect: Readonly<Partial<Record<'destination' | 'subset' | 'rule', string | null>>> & {
    readonly port?: number | null
    readonly share?: { readonly percent: number; readonly within?: number | null } | null
    readonly reason?: ReasonName | null
  }
}

/** Rules that a hint names. */
const NAMED_MAX = 8

/** The tests of valid RouteTests; a test that cannot be asked becomes a finding instead. */
export function readRouteTests(
  resources: readonly Resource[],
  { plan, gateways }: Pick<Planned, 'plan' | 'gateways'>,
  findings: Findings,
): RouteTest[] {
  const tests = resources.filter(isRouteTest)
  if (tests.length === 0) return []
  const known = new Known(
    plan,
    gateways.map(({ resource }) => resource.id),
  )
  return tests.flatMap(resource => {
    const { tests: written } = (resource.value as { spec: { tests: readonly Written[] } }).spec
    return written.flatMap((each, index) => new Reading(resource, index, known, findings).read(each) ?? [])
  })
}

/** What tests can name. */
class Known {
  readonly gateways: Gateways
  readonly #listeners: ReadonlyMap<string, readonly Listener[]>
  readonly #rules: ReadonlyMap<string, readonly RuleOrigin[]>
  /** Names of rules, and of routes with all their matches. */
  readonly #names: ReadonlySet<string>

  constructor({ listeners }: Plan, gateways: readonly string[]) {
    this.#listeners = Map.groupBy(listeners, each => each.gateway)
    this.gateways = gatewaysOf(listeners, gateways)
    const origins = new Set(
      listeners.flatMap(({ scopes }) => scopes.flatMap(({ rules }) => rules.map(rule => rule.origin))),
    )
    this.#rules = Map.groupBy(origins, each => each.virtualService)
    this.#names = new Set([...origins].flatMap(each => [ruleName(each), ruleName({ ...each, match: null })]))
  }

  hasRule(rule: RuleName): boolean {
    return this.#names.has(ruleName(rule))
  }

  get virtualServices(): Iterable<string> {
    return this.#rules.keys()
  }

  rulesOf(virtualService: string): readonly RuleOrigin[] {
    return this.#rules.get(virtualService) ?? []
  }

  /** The ports that a gateway listens on; null if one listener takes redirected connections. */
  portsOf(gateway: string): number[] | null {
    const listeners = this.#listeners.get(gateway) ?? []
    if (listeners.some(each => each.destination === 'original')) return null
    return [...new Set(listeners.map(each => each.port))].sort((a, b) => a - b)
  }
}

/** Reads one test; null with a finding if it cannot be asked. */
class Reading {
  readonly #resource: Resource
  readonly #path: Path
  readonly #known: Known
  readonly #findings: Findings

  constructor(resource: Resource, index: number, known: Known, findings: Findings) {
    this.#resource = resource
    this.#path = ['spec', 'tests', index]
    this.#known = known
    this.#findings = findings
  }

  read({ name, connection, expect }: Written): RouteTest | null {
    const gateway = this.#gateway(connection.gateway ?? null)
    const destination = gateway === null ? null : this.#destination(connection.to ?? null, gateway)
    const rule = this.#rule(expect.rule ?? null)
    if (gateway === null || destination === null || rule === undefined) return null
    const { from, peer, namespace, labels, sni, identity } = connection
    const { port = null, subset = null, share = null, reason = null } = expect
    const host = expect.destination ?? null
    return {
      routeTest: this.#resource.id,
      name,
      place: this.#resource.locate(this.#path),
      question: {
        gateway,
        source: {
          ...(from == null ? {} : { ip: splitEndpoint(from)?.address ?? from }),
          ...(namespace == null ? {} : { namespace }),
          ...(labels == null ? {} : { labels: withTexts(labels) }),
        },
        destination,
        ...(peer == null ? {} : { peer: splitEndpoint(peer)?.address ?? peer }),
        ...(sni == null ? {} : { sni }),
        ...(identity == null ? {} : { identity }),
      },
      expect: {
        destination: host === null ? null : fullHost(host, this.#resource.metadata.namespace),
        port,
        subset,
        share: share === null ? null : { percent: share.percent, within: share.within ?? 0 },
        reason,
        rule,
      },
    }
  }

  /**
   * 'mesh' or 'namespace/name', as `explain` chooses it, but the RouteTest's own namespace comes
   * first.
   */
  #gateway(name: string | null): string | null {
    const found = findGateway(this.#known.gateways, name, [this.#resource.metadata.namespace, 'default'])
    if ('gateway' in found) return found.gateway
    const { why, names, hint } = found
    const path = ['connection', ...(name === null ? [] : ['gateway'])]
    if (why === 'unsaid') return this.#wrong('CFG493', path, `gateway is missing, and ${names}`)
    if (why === 'ambiguous')
      return this.#wrong('CFG493', path, `gateway ${name} may be ${names}`, 'write it as namespace/name')
    return this.#wrong('CFG491', path, `there is no gateway ${quote(name ?? '')}`, hint)
  }

  /** The default is the only port that the gateway listens on. */
  #destination(to: string | null, gateway: string): Question['destination'] | null {
    const { ip, port } = (to === null ? null : parseTarget(to)) ?? { ip: null, port: null }
    const address = ip === null ? {} : { ip }
    if (port !== null) return { ...address, port }
    const ports = this.#known.portsOf(gateway)
    if (ports?.length === 1) return { ...address, port: ports[0] }
    const there =
      ports === null
        ? 'takes connections to any port'
        : ports.length === 0
          ? 'does not listen'
          : `listens on ${ports.join(', ')}`
    const message = `${to === null ? 'to is missing' : `to ${to} has no port`}, and gateway ${gateway} ${there}`
    return this.#wrong(
      'CFG493',
      to === null ? ['connection'] : ['connection', 'to'],
      message,
      'write to: 10.0.0.1:9000',
    )
  }

  /** undefined: it is wrong. */
  #rule(text: string | null): RuleName | WithoutRule | null | undefined {
    const without = WITHOUT_RULE.find(word => word === text)
    if (text === null || without) return without ?? null
    const rule = parseRuleName(text)
    if (!rule) return undefined
    const { namespace } = this.#resource.metadata
    const named = rule.virtualService.includes('/')
      ? rule
      : { ...rule, virtualService: rule.virtualService.replace(/[^ ]+$/, name => `${namespace}/${name}`) }
    if (this.#known.hasRule(named)) return named
    const rules = this.#known.rulesOf(named.virtualService)
    const path = ['expect', 'rule']
    if (rules.length === 0) {
      const hint = didYouMean(named.virtualService, this.#known.virtualServices)
      this.#wrong('CFG492', path, `no listener has a rule of a ${ruleResource(named.virtualService)}`, hint)
    } else {
      const more = rules.length > NAMED_MAX ? `, and ${rules.length - NAMED_MAX} more` : ''
      const names = rules.slice(0, NAMED_MAX).map(ruleName).join(', ')
      this.#wrong('CFG492', path, `there is no rule ${ruleName(named)}`, `there are ${names}${more}`)
    }
    return undefined
  }

  #wrong(code: Code, path: Path, message: string, hint?: string): null {
    this.#findings.at(code, this.#resource, [...this.#path, ...path], message, hint)
    return null
  }
}

/** As `explain` names it: a short name completed, an address in its one form. */
function fullHost(host: string, namespace: string): string {
  const address = parseAddress(host)
  return address ? formatAddress(address.family, address.words) : expandHost(host, namespace)
}

/** A label without a value gets an empty one, as in the API server. */
const withTexts = (labels: Readonly<Record<string, string | null>>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, value ?? '']))

/** Whether `rule` is the named one; a name without a match means each match of the route. */
export const isSameRule = (named: RuleName, rule: RuleName): boolean =>
  named.virtualService === rule.virtualService &&
  named.block === rule.block &&
  named.route === rule.route &&
  (named.match === null || named.match === rule.match)
