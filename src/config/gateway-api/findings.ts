/** What is wrong between resources of Gateway API, each verdict at its field (model.ts). */

import type { Code } from '../findings/codes.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import { GATEWAY_API } from '../kinds.ts'
import type { GatewayServers } from '../plan/servers.ts'
import type { Resource } from '../resource.ts'
import type { ApiInputs, ParentRef } from './inputs.ts'
import type { ApiGateway, ApiListener, ApiRoute, GatewayApi, Verdict } from './model.ts'
import { CONTROLLER } from './resolve.ts'

type Given = { readonly inputs: ApiInputs; readonly api: GatewayApi }

/** @param istio  Istio's Gateways, whose names are others'. */
export function reportGatewayApi(
  { inputs, api }: Given,
  istio: readonly GatewayServers[],
  findings: Findings,
): void {
  reportClasses(inputs, istio, findings)
  const reporter = new Reporter(findings)
  for (const { class: found, accepted } of api.classes) reporter.verdict('CFG522', found.resource, accepted)
  for (const gateway of api.gateways) reportGateway(gateway, reporter)
  for (const set of inputs.listenerSets) reportOrphan(set.resource, set.value.parentRef, inputs, findings)
  for (const { resource, value } of inputs.routes)
    reportParents(resource, value.parentRefs ?? [], inputs, findings)
  for (const { route, accepted } of api.parents) reporter.verdict('CFG524', route.route.resource, accepted)
  for (const route of new Set(api.parents.map(each => each.route))) reportBackends(route, reporter)
  for (const { policy, accepted, resolvedRefs } of api.policies)
    reporter.verdict('CFG528', policy.resource, resolvedRefs.holds ? accepted : resolvedRefs)
}

class Reporter {
  readonly #findings: Findings

  constructor(findings: Findings) {
    this.#findings = findings
  }

  verdict(
    code: Code,
    resource: Resource,
    { holds, reason, message, path }: Verdict,
    otherwise: Path = ['spec'],
  ): void {
    if (!holds) this.say(code, resource, path ?? otherwise, `${message} (${reason})`)
  }

  say(code: Code, resource: Resource, path: Path, message: string): void {
    if (!this.#findings.has(code, resource, path)) this.#findings.at(code, resource, path, message)
  }
}

/** Of Gateways that are not weir's, why. */
function reportClasses(
  { classes, gateways }: ApiInputs,
  istio: readonly GatewayServers[],
  findings: Findings,
): void {
  const byName = new Map(classes.map(each => [each.resource.metadata.name, each.value.controllerName]))
  const taken = new Set(istio.map(each => each.resource.id))
  for (const { resource, value } of gateways) {
    const name = value.gatewayClassName
    const controller = byName.get(name)
    const path = ['spec', 'gatewayClassName']
    if (controller === undefined) {
      const message = `there is no GatewayClass ${quote(name)}: nobody serves the Gateway`
      findings.at('CFG520', resource, path, message, didYouMean(name, [...byName.keys()]))
    } else if (controller !== CONTROLLER) {
      const message = `GatewayClass ${quote(name)} belongs to ${controller}: weir does not serve the Gateway`
      findings.at('CFG521', resource, path, message)
    } else if (taken.has(resource.id)) {
      findings.at('CFG529', resource, ['metadata', 'name'], `Istio has a Gateway ${resource.id}, too`)
    }
  }
}

function reportGateway({ gateway, accepted, listeners, sets }: ApiGateway, reporter: Reporter): void {
  // That no listener is accepted, each listener says.
  if (accepted.reason !== 'ListenersNotValid') reporter.verdict('CFG522', gateway.resource, accepted)
  for (const { set, accepted } of sets)
    if (accepted.reason !== 'ListenersNotValid') reporter.verdict('CFG522', set.resource, accepted)
  for (const listener of [...listeners, ...sets.flatMap(each => each.listeners)])
    reportListener(listener, reporter)
}

function reportListener(listener: ApiListener, reporter: Reporter): void {
  const { resource, path, accepted, resolvedRefs, attached, name } = listener
  reporter.verdict('CFG522', resource, accepted, path)
  reporter.verdict('CFG523', resource, resolvedRefs, path)
  if (!accepted.holds) return
  const where = `listener ${name} of ${resource.title}`
  const owners = new Map<string, ApiRoute>()
  const first = attached.find(each => each.route.kind === 'TCPRoute')?.route
  for (const { route, serves, names } of attached) {
    const { resource: own, value } = route.route
    if (!serves && first) {
      const message = `${where} has ${first.title}, which is older: the route gets none of its connections`
      reporter.say('CFG526', own, ['spec', 'parentRefs'], message)
    }
    for (const { name: host, index } of names) {
      const owner = owners.get(host)
      if (!owner) owners.set(host, route)
      else if (owner !== route)
        reporter.say(
          'CFG527',
          own,
          value.hostnames ? ['spec', 'hostnames', index] : ['spec'],
          `${quote(host)} belongs to ${owner.title} at ${where}, which is older`,
        )
    }
  }
}

function reportBackends({ route, backends }: ApiRoute, reporter: Reporter): void {
  const total = backends.reduce((sum, each) => sum + each.weight, 0)
  if (backends.length > 0 && total === 0)
    reporter.say(
      'CFG525',
      route.resource,
      ['spec', 'rules', 0, 'backendRefs'],
      'every weight is 0: all connections are reset',
    )
  for (const { resolved, path, weight } of backends) {
    if (resolved.holds) continue
    const percent = total === 0 ? 0 : (100 * weight) / total
    const share =
      weight === 0 ? 'its weight is 0' : `${Number(percent.toPrecision(3))} % of the connections are reset`
    reporter.say(
      'CFG525',
      route.resource,
      resolved.path ?? path,
      `${resolved.message} (${resolved.reason}): ${share}`,
    )
  }
}

/** A route's parents that are no Gateway, and no ListenerSet, of anybody. */
function reportParents(
  resource: Resource,
  refs: readonly ParentRef[],
  inputs: ApiInputs,
  findings: Findings,
): void {
  if (refs.length === 0)
    findings.at(
      'CFG524',
      resource,
      ['spec', 'parentRefs'],
      'the route names no parent, so it is used nowhere',
    )
  for (const [index, ref] of refs.entries()) {
    const { group = GATEWAY_API, kind = 'Gateway', name, namespace = resource.metadata.namespace } = ref
    const known = kind === 'Gateway' ? inputs.gateways : kind === 'ListenerSet' ? inputs.listenerSets : null
    if (group !== GATEWAY_API || known === null) continue
    const id = `${namespace}/${name}`
    if (known.some(each => each.resource.id === id)) continue
    const hint = didYouMean(
      id,
      known.map(each => each.resource.id),
    )
    findings.at(
      'CFG524',
      resource,
      ['spec', 'parentRefs', index, 'name'],
      `there is no ${kind} ${id} of Gateway API`,
      hint,
    )
  }
}

function reportOrphan(resource: Resource, ref: ParentRef, inputs: ApiInputs, findings: Findings): void {
  const { name, namespace = resource.metadata.namespace } = ref
  const id = `${namespace}/${name}`
  if (inputs.gateways.some(each => each.resource.id === id)) return
  const hint = didYouMean(
    id,
    inputs.gateways.map(each => each.resource.id),
  )
  findings.at(
    'CFG522',
    resource,
    ['spec', 'parentRef', 'name'],
    `there is no Gateway ${id} of Gateway API`,
    hint,
  )
}
