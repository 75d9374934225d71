/**
 * AuthorizationPolicy: access control (istiod ValidateAuthorizationPolicy, and the CRD's rules).
 *
 * This module also separates the attributes that only HTTP has (pilot/pkg/security/authz/model). On
 * a TCP connection Envoy drops such an attribute from DENY, which then denies more, and drops the
 * whole rule from ALLOW, which then allows less. weir does the same, and reports it.
 */

import { parseAddress, parseCidr } from '../../address/address.ts'
import { quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import type { Field } from './field.ts'
import { checkSelector } from './field-checks.ts'
import type { Shape } from './shape.ts'
import { checkWord } from './values.ts'

const TEXTS = ['text'] as const
const ACTIONS = ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']
const DRY_RUN = 'istio.io/dry-run'

const SOURCE_ADDRESSES = ['ipBlocks', 'remoteIpBlocks', 'notIpBlocks', 'notRemoteIpBlocks']
const SOURCE_IDENTITIES = [
  ...['principals', 'namespaces', 'serviceAccounts', 'trustDomains'],
  ...['notPrincipals', 'notNamespaces', 'notServiceAccounts', 'notTrustDomains'],
]
const SOURCE_HTTP = ['requestPrincipals', 'notRequestPrincipals']
const OPERATION_PORTS = ['ports', 'notPorts']
const OPERATION_HTTP = ['hosts', 'methods', 'paths', 'notHosts', 'notMethods', 'notPaths']

/** Keys of `when` that a connection has. */
const KEYS = [
  ...['source.ip', 'remote.ip', 'source.namespace', 'source.principal', 'source.serviceAccount'],
  ...['source.trustDomain', 'destination.ip', 'destination.port', 'connection.sni'],
]
/** Keys that only a request, or one of Envoy's filters, has. */
const FOREIGN_KEY =
  /^(?:request\.headers\[.+\]|request\.auth\.(?:principal|audiences|presenter|claims\[.+\])|experimental\.envoy\.filters\..+)$/
const KEY_NAMES = [...KEYS, 'request.headers[name]', 'request.auth.principal', 'request.auth.claims[name]']

const SERVICE_ACCOUNTS_MAX = 16
const SERVICE_ACCOUNT_LENGTH_MAX = 320

const TARGET: Shape = { group: 'text', kind: 'text', name: 'text', namespace: 'text' }
const textsOf = (names: readonly string[]): { readonly [field: string]: Shape } =>
  Object.fromEntries(names.map(name => [name, TEXTS]))

export const AUTHORIZATION_SHAPE: Shape = {
  action: 'text',
  selector: { matchLabels: { '*': 'text' } },
  targetRef: TARGET,
  targetRefs: [TARGET],
  provider: { name: 'text' },
  rules: [
    {
      from: [{ source: textsOf([...SOURCE_ADDRESSES, ...SOURCE_IDENTITIES, ...SOURCE_HTTP]) }],
      to: [{ operation: textsOf([...OPERATION_PORTS, ...OPERATION_HTTP]) }],
      when: [{ key: 'text', ...textsOf(['values', 'notValues']) }],
    },
  ],
}

export function checkAuthorizationPolicy(root: Field): void {
  const spec = root.get('spec')
  const action = spec.get('action').text ?? 'ALLOW'
  checkWord(spec.get('action'), ACTIONS, 'action')
  checkSelector(spec.get('selector'), 'matchLabels')
  checkTargets(spec)
  checkProvider(spec, action)
  checkDryRun(root, action)
  const rules = spec.get('rules')
  if (rules.absent && (action === 'DENY' || action === 'CUSTOM'))
    rules.report('CFG211', `a ${action} policy must have rules: without them it never applies`)
  for (const rule of rules.items) checkRule(rule, action)
}

function checkTargets(spec: Field): void {
  const one = spec.get('targetRef')
  const several = spec.get('targetRefs')
  const written = [spec.get('selector'), one, several].filter(each => !each.absent)
  if (written.length > 1) {
    const names = written.map(each => each.name).join(' and ')
    written[1].report('CFG210', `${names} exclude each other`, 'keep one of them')
  }
  if (!several.absent && several.items.length > 16)
    several.report('CFG208', 'a policy has at most 16 targetRefs')
  for (const target of [...(one.absent ? [] : [one]), ...several.items]) checkTarget(target)
}

/** Valid targets of a policy (validation.go, validatePolicyTargetReference). */
const TARGETS = [
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
  '/Service',
  'core/Service',
  'networking.istio.io/ServiceEntry',
]

function checkTarget(target: Field): void {
  if (!target.get('name').filled) target.get('name').report('CFG211', 'a target must have a name')
  const namespace = target.get('namespace')
  if (namespace.filled)
    namespace.report('CFG210', 'a target is in the namespace of its policy, so it names none')
  const kind = target.get('kind')
  const full = `${target.get('group').text ?? ''}/${kind.text ?? ''}`
  if (kind.absent) kind.report('CFG211', 'a target must have a kind')
  else if (!TARGETS.includes(full)) kind.report('CFG213', `a policy cannot be attached to ${quote(full)}`)
}

function checkProvider(spec: Field, action: string): void {
  const provider = spec.get('provider')
  if (action === 'CUSTOM') {
    if (!provider.get('name').filled)
      provider.report('CFG211', 'a CUSTOM policy must name its provider', 'add provider.name')
  } else if (!provider.absent)
    provider.report('CFG210', `only a CUSTOM policy has a provider, not one with action ${action}`)
}

function checkDryRun(root: Field, action: string): void {
  const annotation = root.get('metadata').get('annotations').get(DRY_RUN)
  if (annotation.absent) return
  if (action !== 'ALLOW' && action !== 'DENY')
    annotation.report('CFG219', `a policy with action ${action} cannot be tried by ${quote(DRY_RUN)}`)
  else annotation.check('CFG219', text => (isGoBool(text) ? null : 'is neither true nor false'))
}

/** The spellings of Go's strconv.ParseBool. */
const isGoBool = (text: string): boolean => /^(?:1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(text)
/** Whether an AuthorizationPolicy is a dry run: weir logs and counts what it would deny. */
export const isDryRun = (annotations: Readonly<Record<string, string>>): boolean =>
  /^(?:1|t|T|true|TRUE|True)$/.test(annotations[DRY_RUN] ?? '')

function checkRule(rule: Field, action: string): void {
  const [from, to] = [rule.get('from'), rule.get('to')]
  for (const list of [from, to])
    if (!list.absent && list.items.length === 0)
      list.report('CFG211', `${list.name} is empty: leave it out, and it is no condition`)
  for (const each of from.items) checkSource(each, action)
  for (const each of to.items) checkOperation(each)
  for (const each of rule.get('when').items) checkCondition(each, action)
  if (action === 'DENY') checkDeniesAll(from, to)
  for (const field of foreignFields(rule)) reportForeign(field, action)
}

function checkSource(from: Field, action: string): void {
  const source = from.get('source')
  if (source.entries.length === 0) {
    source.report('CFG211', 'a source must have a condition', 'leave it out to take everyone')
    return
  }
  const lists = [...SOURCE_ADDRESSES, ...SOURCE_IDENTITIES, ...SOURCE_HTTP].map(name => source.get(name))
  if (lists.every(each => each.empty)) source.report('CFG211', 'a source must have a condition')
  for (const list of lists) checkFilled(list)
  for (const name of SOURCE_ADDRESSES)
    for (const block of source.get(name).items) if (block.filled) block.check('CFG203', ipBlock)
  checkServiceAccounts(source)
  if (action !== 'CUSTOM') return
  for (const name of [...SOURCE_IDENTITIES, ...SOURCE_HTTP]) {
    const list = source.get(name)
    if (list.filled) list.report('CFG210', `a CUSTOM policy cannot ask for ${name}`)
  }
}

function checkServiceAccounts(source: Field): void {
  for (const name of ['serviceAccounts', 'notServiceAccounts']) {
    const list = source.get(name)
    if (!list.filled) continue
    const others = ['namespaces', 'notNamespaces', 'principals', 'notPrincipals']
    const beside = others.filter(each => source.get(each).filled)
    if (beside.length > 0) list.report('CFG210', `${name} and ${beside.join(', ')} exclude each other`)
    if (list.items.length > SERVICE_ACCOUNTS_MAX)
      list.report('CFG208', `${name} has more than ${SERVICE_ACCOUNTS_MAX} entries`)
    for (const each of list.items) if (each.filled) each.check('CFG213', serviceAccount)
  }
}

function serviceAccount(text: string): string | null {
  if (text.length > SERVICE_ACCOUNT_LENGTH_MAX)
    return `is longer than ${SERVICE_ACCOUNT_LENGTH_MAX} characters`
  if (text.includes('*')) return 'has a wildcard, which a service account cannot have'
  const parts = text.split('/')
  return parts.length <= 2 && parts.every(part => part !== '')
    ? null
    : 'is no service account: write "name" or "namespace/name"'
}

function checkOperation(to: Field): void {
  const operation = to.get('operation')
  const lists = [...OPERATION_PORTS, ...OPERATION_HTTP].map(name => operation.get(name))
  if (lists.every(each => each.empty)) operation.report('CFG211', 'an operation must have a condition')
  for (const list of lists) checkFilled(list)
  for (const name of OPERATION_PORTS)
    for (const port of operation.get(name).items) if (port.filled) port.check('CFG202', portText)
}

function checkCondition(condition: Field, action: string): void {
  const key = condition.get('key')
  const [values, notValues] = [condition.get('values'), condition.get('notValues')]
  if (!key.filled) key.report('CFG211', 'a condition must have a key')
  else if (!KEYS.includes(key.text ?? '') && !FOREIGN_KEY.test(key.text ?? '')) {
    const hint = didYouMean(key.text ?? '', KEY_NAMES) ?? `known: ${KEY_NAMES.join(', ')}`
    key.report('CFG213', `${quote(key.text ?? '')} is no key of a condition`, hint)
  } else if (action === 'CUSTOM' && /^(?:source\.(?!ip$)|request\.auth\.)/.test(key.text ?? ''))
    key.report('CFG210', `a CUSTOM policy cannot ask for ${key.text}`)
  if (values.empty && notValues.empty) condition.report('CFG211', 'a condition must have values or notValues')
  for (const list of [values, notValues]) {
    checkFilled(list)
    const rule = RULES_OF_KEY[key.text ?? '']
    if (rule) for (const value of list.items) if (value.filled) value.check(...rule)
  }
}

function checkFilled(list: Field): void {
  for (const each of list.items) if (each.text === '') each.report('CFG211', `${each.name} is empty`)
}

const ipBlock = (text: string): string | null =>
  parseCidr(text) || (text.includes(':') && parseAddress(text)) ? null : 'is no IP address or range'

/** Ports are texts without ranges; 0 is valid, and matches no connection. */
const portText = (text: string): string | null =>
  /^\+?\d{1,10}$/.test(text) && Number(text) <= 65_535 ? null : 'is no port between 0 and 65535'

const RULES_OF_KEY: Readonly<
  Record<string, ['CFG202' | 'CFG203' | 'CFG213', (text: string) => string | null]>
> = {
  'source.ip': ['CFG203', ipBlock],
  'remote.ip': ['CFG203', ipBlock],
  'destination.ip': ['CFG203', ipBlock],
  'destination.port': ['CFG202', portText],
  'source.serviceAccount': ['CFG213', serviceAccount],
}

/** istiod's own warning: nothing in the rule selects TCP connections. */
function checkDeniesAll(from: Field, to: Field): void {
  const asks = (list: Field, part: string, names: readonly string[]): boolean =>
    list.items.some(each => names.some(name => !each.get(part).get(name).empty))
  const byTo = asks(to, 'operation', OPERATION_PORTS)
  const byFrom = asks(from, 'source', [...SOURCE_ADDRESSES, ...SOURCE_IDENTITIES])
  if (to.absent ? from.absent || byFrom : byTo) return
  const field = to.absent ? from : to
  field.report(
    'CFG253',
    'the rule asks for nothing but what only HTTP has, so it denies connections to any port',
    'name the ports that it is for',
  )
}

/** The attributes of a rule that a connection never has. */
function foreignFields(rule: Field): Field[] {
  const named = (list: Field, part: string, names: readonly string[]): Field[] =>
    list.items.flatMap(each => names.map(name => each.get(part).get(name)).filter(field => field.filled))
  return [
    ...named(rule.get('from'), 'source', SOURCE_HTTP),
    ...named(rule.get('to'), 'operation', OPERATION_HTTP),
    ...rule
      .get('when')
      .items.map(each => each.get('key'))
      .filter(key => FOREIGN_KEY.test(key.text ?? '')),
  ]
}

function reportForeign(field: Field, action: string): void {
  const what = field.path.at(-1) === 'key' ? quote(field.text ?? '') : field.name
  const outcome =
    action === 'ALLOW'
      ? 'the rule lets nobody in'
      : `weir drops the attribute, so the rule ${action === 'AUDIT' ? 'marks' : 'denies'} more`
  field.report('CFG309', `no TCP connection has ${what}: ${outcome}`)
}

/** Whether a key of `when` is an attribute that a connection never has. */
export const isForeignKey = (key: string): boolean => FOREIGN_KEY.test(key)
