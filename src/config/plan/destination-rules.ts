/**
 * Which DestinationRule applies to a host, and how several for one host merge.
 *
 * Namespaces are asked in turn: the proxy's, the service's, the root namespace; the first that has
 * any match decides, by its most specific host (pilot/pkg/model/push_context.go, destinationRule).
 * The public rules of the root namespace are for everybody, so they come last for a proxy there,
 * too. Rules for one host in one namespace are merged, oldest first; those for selected workloads
 * are merged apart (pilot/pkg/model/destination_rule.go).
 */

import type { HealthCheck } from '../../table/plan/health-check.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { Resource } from '../resource.ts'
import type { Settings } from '../settings/settings.ts'
import { annotatedPolicy, type ConnectPolicy } from './connect-policy.ts'
import { HEALTH_CHECK, readHealthCheck } from './health-check.ts'
import { HostIndex } from './host-patterns.ts'
import type { DestinationRuleSpec, Subset, Typed } from './inputs.ts'
import { expandHost, ROOT_NAMESPACE } from './names.ts'
import { PolicyPlaces } from './policy-places.ts'
import { isVisible, readVisibility, type Visibility } from './visibility.ts'
import { hasLabels } from './workload.ts'

export type MergedRule = {
  /** Identifies merged rules; equal for equal ones. */
  readonly key: string
  readonly trafficPolicy: DestinationRuleSpec['trafficPolicy'] | undefined
  readonly subsets: ReadonlyMap<string, Subset>
  readonly connect: ConnectPolicy
  /** How its endpoints are checked; null: not at all. */
  readonly check: HealthCheck | null
}

type Rule = {
  readonly resource: Resource
  readonly spec: DestinationRuleSpec
  readonly namespace: string
  readonly visibility: Visibility
}

export class DestinationRules {
  readonly #byNamespace = new Map<string, HostIndex<Rule>>()
  readonly #merged = new Map<string, MergedRule>()
  readonly places: PolicyPlaces
  /** How a destination without a rule is dialed. */
  readonly connect: ConnectPolicy

  constructor(
    rules: readonly Typed<DestinationRuleSpec>[],
    settings: Settings,
    connect: ConnectPolicy,
    findings: Findings,
  ) {
    this.connect = connect
    this.places = new PolicyPlaces(rules)
    const applying = rules.filter(rule => mayApply(rule, settings, findings))
    // A rule for selected workloads precedes one for all of them (pilot/pkg/model/sidecar.go).
    const ordered = applying.toSorted((left, right) => selects(right) - selects(left))
    for (const rule of ordered) {
      const { resource, value } = rule
      const { namespace } = resource.metadata
      const index = this.#byNamespace.get(namespace) ?? new HostIndex<Rule>()
      this.#byNamespace.set(namespace, index)
      index.add(expandHost(value.host, namespace), {
        resource,
        spec: value,
        namespace,
        visibility: readVisibility(selects(rule) ? ['.'] : value.exportTo, namespace), // setDestinationRules
      })
    }
  }

  /** The rule for `host` as a proxy in `proxyNamespace` sees it, or null. */
  find(host: string, proxyNamespace: string, serviceNamespace: string): MergedRule | null {
    const isSeen = ({ visibility }: Rule): boolean => isVisible(visibility, proxyNamespace)
    const isRoot = proxyNamespace === ROOT_NAMESPACE
    const own = this.#first(host, proxyNamespace, isRoot ? isPrivate : isSeen)
    if (own) return own
    for (const namespace of new Set([serviceNamespace, ROOT_NAMESPACE])) {
      const found = this.#first(host, namespace, rule => !isPrivate(rule), isSeen)
      if (found) return found
    }
    return null
  }

  /**
   * Of the rules in `namespace` that are asked for, those of the most specific host, as far as they
   * count; if none does, no less specific one is asked.
   */
  #first(
    host: string,
    namespace: string,
    isAsked: (rule: Rule) => boolean,
    counts: (rule: Rule) => boolean = isAsked,
  ): MergedRule | null {
    for (const rules of this.#byNamespace.get(namespace)?.covering(host) ?? []) {
      if (!rules.some(isAsked)) continue
      const counting = rules.filter(rule => isAsked(rule) && counts(rule))
      return counting.length === 0 ? null : this.#merge(counting.filter(rule => isAlike(rule, counting[0])))
    }
    return null
  }

  #merge(rules: readonly Rule[]): MergedRule {
    const key = rules.map(rule => rule.resource.ordinal).join(',')
    const known = this.#merged.get(key)
    if (known) return known
    const subsets = new Map<string, Subset>()
    for (const subset of rules.flatMap(rule => rule.spec.subsets ?? [])) {
      if (!subsets.has(subset.name)) subsets.set(subset.name, subset)
    }
    const trafficPolicy = rules.find(rule => rule.spec.trafficPolicy)?.spec.trafficPolicy
    const connect = annotatedPolicy(
      this.connect,
      rules.map(rule => rule.resource),
    )
    const check = checkOf(rules)
    const merged = { key, trafficPolicy, subsets, connect, check }
    this.#merged.set(key, merged)
    return merged
  }
}

/** Whether nobody but its own namespace sees a rule. */
const isPrivate = ({ visibility, namespace }: Rule): boolean =>
  visibility !== 'public' && visibility.size === 1 && visibility.has(namespace)

/** Whether two rules select the same workloads; only those are merged. */
function isAlike({ spec: left }: Rule, { spec: right }: Rule): boolean {
  const [wanted, other] = [left, right].map(spec => spec.workloadSelector?.matchLabels ?? {})
  return hasLabels(wanted, other) && hasLabels(other, wanted)
}

/** Of the oldest rule that has a health check. */
function checkOf(rules: readonly Rule[]): HealthCheck | null {
  const texts = rules.map(({ resource }) => resource.metadata.annotations[HEALTH_CHECK])
  const text = texts.find(each => each !== undefined)
  return text === undefined ? null : readHealthCheck(text)
}

const selects = ({ value }: Typed<DestinationRuleSpec>): number =>
  value.workloadSelector?.matchLabels ? 1 : 0

/** A rule for selected workloads applies if the Settings make this process one of them. */
function mayApply(
  { resource, value }: Typed<DestinationRuleSpec>,
  { workload }: Settings,
  findings: Findings,
): boolean {
  const wanted = value.workloadSelector?.matchLabels
  if (!wanted) return true
  if (workload?.namespace === resource.metadata.namespace && hasLabels(workload.labels, wanted)) return true
  const why = workload ? 'the workload of the Settings is not selected' : 'the Settings name no workload'
  findings.at('CFG411', resource, ['spec', 'workloadSelector'], `the rule is not applied: ${why}`)
  return false
}
