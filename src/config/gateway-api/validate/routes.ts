/** TCPRoute and TLSRoute: what the API server refuses (tcproute_types.go, tlsroute_types.go). */

import { quote } from '../../findings/quote.ts'
import type { Field } from '../../validate/field.ts'
import { checkRange } from '../../validate/values.ts'
import { hostname } from './names.ts'

const PARENTS_MAX = 32
const HOSTNAMES_MAX = 1024
const BACKENDS_MAX = 16
const WEIGHT_MAX = 1_000_000

/** @param version  "v1"; versions before it allow more. */
export function checkRoute(spec: Field, version: string, kind: string): void {
  checkParents(spec.get('parentRefs'))
  if (kind === 'TLSRoute') checkHostnames(spec.get('hostnames'), version === 'v1')
  const rules = spec.get('rules')
  if (!rules.absent) checkCount(rules, 1, version === 'v1' ? 1 : BACKENDS_MAX)
  for (const rule of rules.items.slice(1)) {
    if (version !== 'v1')
      rule.report('CFG252', `${rule.name} is never used: rules have no condition, so the first takes all`)
  }
  for (const rule of rules.items) {
    const backends = rule.get('backendRefs')
    if (!backends.absent) checkCount(backends, 1, BACKENDS_MAX)
    for (const backend of backends.items) checkBackend(backend)
  }
}

function checkCount(list: Field, least: number, most: number): void {
  const { length } = list.items
  if (!Array.isArray(list.value) || (length >= least && length <= most)) return
  const range = least === most ? `exactly ${least}` : `${least} to ${most}`
  list.report('CFG208', `${list.name} must have ${range} ${most === 1 ? 'entry' : 'entries'}, not ${length}`)
}

/** References to one parent are told apart by sectionName or port. */
function checkParents(parents: Field): void {
  const seen = new Set<string>()
  checkCount(parents, 0, PARENTS_MAX)
  for (const parent of parents.items) {
    const of = (name: string): unknown => parent.get(name).value ?? ''
    const key = ['group', 'kind', 'namespace', 'name', 'sectionName', 'port'].map(of).join(' ')
    if (seen.has(key))
      parent.report('CFG209', `${parent.name} repeats an earlier one: set another sectionName or port`)
    seen.add(key)
  }
}

function checkHostnames(hostnames: Field, isRequired: boolean): void {
  if (hostnames.absent) {
    if (isRequired) hostnames.report('CFG103', 'hostnames is missing')
    return
  }
  checkCount(hostnames, isRequired ? 1 : 0, HOSTNAMES_MAX)
  const seen = new Set<string>()
  for (const host of hostnames.items) {
    host.check('CFG201', hostname)
    if (host.text === undefined) continue
    if (seen.has(host.text)) host.report('CFG252', `${quote(host.text)} appears twice`)
    seen.add(host.text)
  }
}

function checkBackend(backend: Field): void {
  checkRange(backend.get('weight'), 0, WEIGHT_MAX)
  const { value } = backend.get('weight')
  if (typeof value === 'number' && !Number.isInteger(value))
    backend.get('weight').report('CFG208', `weight must be a whole number, not ${value}`)
  const isService = (backend.get('kind').text ?? 'Service') === 'Service' && !backend.get('group').text
  if (isService && backend.get('port').absent)
    backend.get('port').report('CFG211', `${backend.name} must have a port: it refers to a Service`)
}
