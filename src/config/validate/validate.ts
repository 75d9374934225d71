/**
 * The second stage: whether a single resource is right.
 *
 * First its structure (the CRD's schema), then its fields (unknown ones, and those that weir
 * ignores), then its meaning (what istiod's webhook refuses). A resource without errors is valid.
 * plan/ checks how resources fit together.
 */

import type { Code } from '../findings/codes.ts'
import { type Findings, formatPath, type Path } from '../findings/diagnostic.ts'
import { didYouMean } from '../findings/suggest.ts'
import { checkGatewayApi } from '../gateway-api/validate/check.ts'
import { elsewhere, groupOf, KIND_NAMES, kindOf, type Role } from '../kinds.ts'
import type { Resource } from '../resource.ts'
import { checkAuthorizationPolicy } from './authorization-policy.ts'
import { checkDestinationRule } from './destination-rule.ts'
import { Field } from './field.ts'
import { checkFields } from './fields-of-kind.ts'
import { checkGateway } from './gateway.ts'
import { KNOWN_FIELDS } from './known-fields.ts'
import { KUBERNETES_SHAPES } from './kubernetes.ts'
import { checkPeerAuthentication } from './peer-authentication.ts'
import { checkRouteTest } from './route-test.ts'
import { checkServiceEntry } from './service-entry.ts'
import { checkShape } from './shape.ts'
import { checkStructure, type IstioKind } from './structure.ts'
import { checkAmbient, checkAnnotations, checkHttpSupport } from './support.ts'
import { checkVirtualService } from './virtual-service.ts'
import { checkWorkloadEntry } from './workload-entry.ts'

export type ValidateOptions = { readonly profile: 'sidecar' | 'ambient' }

/**
 * Adds to `findings` everything that is wrong with `resource`, and everything that weir would
 * ignore of it.
 */
export function validate(resource: Resource, findings: Findings, options: ValidateOptions): void {
  const { apiVersion, kind } = resource
  const found = kindOf(apiVersion, kind)
  const at = (code: Code, message: string, hint?: string): void =>
    findings.at(code, resource, ['kind'], message, hint)
  if (found.role === 'other') {
    const ofGroup = KIND_NAMES.includes(kind) ? ` of ${groupOf(apiVersion)}` : ''
    const own = elsewhere(kind)
    const hint = own === null ? didYouMean(kind, KIND_NAMES) : placeHint(apiVersion, kind, own)
    at('CFG306', `weir does not read ${kind}${ofGroup}; it is ignored`, hint)
  } else if (found.role === 'later') at('CFG305', `${kind} is not supported yet; it is ignored`)
  else if (found.role === 'misspelt') {
    at('CFG105', `${apiVersion} has no ${kind}`, `did you mean "${found.right}"?`)
  } else if (found.role === 'misplaced') {
    findings.at('CFG105', resource, ['apiVersion'], `${apiVersion} has no ${kind}`, `write ${found.right}`)
    if (found.meant) checkAs(found.meant, resource, findings, options)
  } else checkAs(found.role, resource, findings, options)
}

const placeHint = (written: string, kind: string, own: string): string | undefined =>
  groupOf(written) === groupOf(own) ? undefined : `in Kubernetes it is ${own} ${kind}`

function checkAs(role: Role, resource: Resource, findings: Findings, options: ValidateOptions): void {
  const { kind } = resource
  if (role === 'kubernetes') checkShape(fieldOf(resource, findings), KUBERNETES_SHAPES[kind])
  else if (role === 'test') checkRouteTest(fieldOf(resource, findings))
  else if (role === 'istio') checkIstio(resource, kind as IstioKind, findings, options)
  else if (role === 'gateway-api') checkApi(resource, findings)
}

function fieldOf(resource: Resource, findings: Findings): Field {
  return new Field(resource.value, [], (code, path, message, hint) =>
    findings.at(code, resource, path, message, hint),
  )
}

function checkIstio(resource: Resource, kind: IstioKind, findings: Findings, options: ValidateOptions): void {
  const fields = specOf(resource, findings)
  if (fields === null) return
  const [structural, meaning] = fields
  checkStructure(kind, structural)
  checkFields(meaning, KNOWN_FIELDS[kind])
  checkAnnotations(meaning, kind)
  MEANINGS[kind](meaning, resource, options)
}

function checkApi(resource: Resource, findings: Findings): void {
  const fields = specOf(resource, findings)
  if (fields !== null) checkGatewayApi(resource, ...fields)
}

/**
 * The resource for checks of its structure, and for those of its meaning, which are silent where
 * the former have spoken; null without a spec.
 */
function specOf(resource: Resource, findings: Findings): readonly [structural: Field, meaning: Field] | null {
  const broken = new Set<string>()
  const report = (code: Code, path: Path, message: string, hint?: string): void => {
    findings.at(code, resource, path, message, hint)
  }
  const structural = new Field(resource.value, [], (code, path, message, hint) => {
    broken.add(formatPath(path))
    report(code, path, message, hint)
  })
  const meaning = new Field(resource.value, [], (code, path, message, hint) => {
    if (!broken.has(formatPath(path))) report(code, path, message, hint)
  })
  if (resource.value.spec !== undefined && resource.value.spec !== null) return [structural, meaning]
  structural.get('spec').report('CFG103', 'spec is missing')
  return null
}

type Meaning = (root: Field, resource: Resource, options: ValidateOptions) => void

const MEANINGS: Readonly<Record<IstioKind, Meaning>> = {
  VirtualService: (root, resource, { profile }) => {
    const spec = root.get('spec')
    checkVirtualService(spec, resource.metadata.namespace, path => resource.locate(path))
    checkHttpSupport(spec)
    if (profile === 'ambient') checkAmbient(spec)
  },
  DestinationRule: (root, { metadata }) => checkDestinationRule(root.get('spec'), metadata.namespace),
  Gateway: root => checkGateway(root),
  ServiceEntry: (root, { metadata }) => checkServiceEntry(root.get('spec'), metadata),
  WorkloadEntry: root => checkWorkloadEntry(root.get('spec')),
  AuthorizationPolicy: root => checkAuthorizationPolicy(root),
  PeerAuthentication: root => checkPeerAuthentication(root),
}
