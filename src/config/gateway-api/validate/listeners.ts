/**
 * Listeners of a Gateway or a ListenerSet, each alone and against the others of its list: what the
 * API server refuses by the CRDs' schema and CEL rules (apis/v1/gateway_types.go).
 */

import { quote } from '../../findings/quote.ts'
import type { Field } from '../../validate/field.ts'
import { checkLabels } from '../../validate/field-checks.ts'
import { checkWord } from '../../validate/values.ts'
import { hostname, protocolName, sectionName } from './names.ts'

const LISTENERS_MAX = 64

export function checkListeners(listeners: Field): void {
  const { items } = listeners
  if (items.length === 0) listeners.report('CFG211', 'there must be at least one listener')
  if (items.length > LISTENERS_MAX)
    listeners.report(
      'CFG208',
      `there are ${items.length} listeners, and at most ${LISTENERS_MAX} are allowed`,
    )
  const names = new Set<string>()
  const places = new Set<string>()
  for (const listener of items) {
    checkListener(listener)
    reportTwice(listener.get('name'), listener.get('name').text, names, 'listener name')
    const place = ['port', 'protocol', 'hostname'].map(name => listener.get(name).value ?? '').join(' ')
    if (!places.has(place)) places.add(place)
    else listener.report('CFG209', 'another listener has the same port, protocol and hostname')
  }
}

function reportTwice(field: Field, text: string | undefined, seen: Set<string>, what: string): void {
  if (text === undefined) return
  if (seen.has(text)) field.report('CFG209', `${what} ${quote(text)} is used twice`)
  seen.add(text)
}

const WITHOUT_TLS = ['HTTP', 'TCP', 'UDP']

function checkListener(listener: Field): void {
  const protocol = listener.get('protocol')
  const tls = listener.get('tls')
  const host = listener.get('hostname')
  const { text = '' } = protocol
  listener.get('name').check('CFG217', sectionName)
  protocol.check('CFG213', protocolName)
  if (host.text !== '') host.check('CFG201', hostname)
  if (['TCP', 'UDP'].includes(text) && host.filled)
    host.report('CFG210', `a listener of protocol ${text} has no hostname: its clients name none`)
  if (WITHOUT_TLS.includes(text) && !tls.absent)
    tls.report('CFG210', `a listener of protocol ${text} cannot have tls`)
  if (text === 'TLS' && tls.absent) tls.report('CFG211', 'a listener of protocol TLS must have tls')
  checkTls(tls, text)
  checkAllowed(listener.get('allowedRoutes'))
}

function checkTls(tls: Field, protocol: string): void {
  if (tls.absent || WITHOUT_TLS.includes(protocol)) return
  const mode = tls.get('mode')
  const references = tls.get('certificateRefs')
  checkWord(mode, ['Terminate', 'Passthrough'], 'mode')
  if (mode.text === 'Passthrough') {
    if (protocol === 'HTTPS') mode.report('CFG210', 'a listener of protocol HTTPS must have mode Terminate')
    return
  }
  if (references.empty && tls.get('options').absent)
    references.report('CFG211', 'mode Terminate, which is the default, needs certificateRefs')
}

function checkAllowed(allowed: Field): void {
  checkFrom(allowed.get('namespaces'), ['All', 'Same', 'Selector', 'None'])
}

/** Which namespaces routes or ListenerSets may come from. */
export function checkFrom(namespaces: Field, words: readonly string[]): void {
  checkWord(namespaces.get('from'), words, 'from')
  const selector = namespaces.get('selector')
  for (const expression of selector.get('matchExpressions').items)
    checkWord(expression.get('operator'), ['In', 'NotIn', 'Exists', 'DoesNotExist'], 'operator')
  checkLabels(selector.get('matchLabels'))
}
