/**
 * Gateway API's kinds, each resource alone: its shape, its fields, and what the API server refuses.
 *
 * What the API server accepts is no error here either: a reference that leads nowhere, or a
 * protocol that weir does not speak, is a condition in the status (../status) and a warning.
 */

import { quote } from '../../findings/quote.ts'
import type { Resource } from '../../resource.ts'
import type { Field } from '../../validate/field.ts'
import { checkFields } from '../../validate/fields-of-kind.ts'
import { checkShape } from '../../validate/shape.ts'
import { checkAnnotations } from '../../validate/support.ts'
import { checkWord } from '../../validate/values.ts'
import { checkFrom, checkListeners } from './listeners.ts'
import { controllerName, preciseHostname } from './names.ts'
import { checkRoute } from './routes.ts'
import { GATEWAY_API_KINDS } from './shapes.ts'

/** @param structural  Reports the shape; `meaning` is silent where it has. */
export function checkGatewayApi(resource: Resource, structural: Field, meaning: Field): void {
  const { kind, apiVersion } = resource
  const { shape, fields } = GATEWAY_API_KINDS[kind]
  checkShape(structural.get('spec'), shape)
  checkFields(meaning, fields)
  checkAnnotations(meaning, kind)
  MEANINGS[kind]?.(meaning.get('spec'), apiVersion.slice(apiVersion.lastIndexOf('/') + 1), kind)
}

type Meaning = (spec: Field, version: string, kind: string) => void

const MEANINGS: Readonly<Record<string, Meaning>> = {
  GatewayClass: spec => spec.get('controllerName').check('CFG213', controllerName),
  Gateway: spec => {
    checkListeners(spec.get('listeners'))
    checkFrom(spec.get('allowedListeners').get('namespaces'), ['All', 'Same', 'Selector', 'None'])
  },
  ListenerSet: spec => checkListeners(spec.get('listeners')),
  TCPRoute: checkRoute,
  TLSRoute: checkRoute,
  ReferenceGrant: spec => {
    for (const name of ['from', 'to']) {
      const list = spec.get(name)
      if (!list.absent && list.empty) list.report('CFG211', `${name} must have at least one entry`)
    }
  },
  BackendTLSPolicy: checkBackendTls,
}

function checkBackendTls(spec: Field): void {
  const validation = spec.get('validation')
  const [references, wellKnown] = [
    validation.get('caCertificateRefs'),
    validation.get('wellKnownCACertificates'),
  ]
  checkTargets(spec.get('targetRefs'))
  validation.get('hostname').check('CFG201', preciseHostname)
  if (references.filled && wellKnown.filled)
    wellKnown.report('CFG210', 'caCertificateRefs and wellKnownCACertificates exclude each other')
  if (!validation.absent && !references.filled && !wellKnown.filled)
    references.report('CFG211', 'caCertificateRefs is missing, and wellKnownCACertificates too')
  for (const name of validation.get('subjectAltNames').items) {
    const type = name.get('type')
    checkWord(type, ['Hostname', 'URI'], 'type')
    const [wanted, other] = type.text === 'URI' ? ['uri', 'hostname'] : ['hostname', 'uri']
    if (!name.get(wanted).filled) name.get(wanted).report('CFG211', `type ${type.text} needs ${wanted}`)
    if (name.get(other).filled) name.get(other).report('CFG210', `type ${type.text} excludes ${other}`)
  }
}

/** A Service may be named once as a whole, or by several of its ports. */
function checkTargets(targets: Field): void {
  if (!targets.absent && targets.empty) targets.report('CFG211', 'targetRefs must have at least one entry')
  const sections = new Map<string, Set<string>>()
  for (const target of targets.items) {
    const key = ['group', 'kind', 'name'].map(name => target.get(name).value ?? '').join(' ')
    const known = sections.getOrInsertComputed(key, () => new Set())
    const section = target.get('sectionName').text ?? ''
    if (known.has(section) || (known.size > 0 && (section === '' || known.has(''))))
      target.report(
        'CFG209',
        `${quote(target.get('name').text ?? '')} is a target twice: name different ports`,
      )
    known.add(section)
  }
}
