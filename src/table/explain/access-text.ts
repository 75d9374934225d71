/** The verdict of policies on a hypothetical connection, with the reasons, in words. */

import { contains, formatAddress, parseCidr } from '../../address/address.ts'
import { isIdentity } from '../build/identity.ts'
import { patternsOf } from '../format/access.ts'
import { policyRuleName, policyRuleOf } from '../format/access-names.ts'
import type { Cold, ColdPolicy, ColdTest, ColdWorkload } from '../format/cold.ts'
import { Listener } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { authorize, createVerdict, NO_ROW } from '../match/authorize.ts'
import { isCertifiedAs, partOfName } from '../match/identity.ts'
import { listenerOf } from '../match/listener-of.ts'
import { takesName } from '../match/name-patterns.ts'
import type { Query } from '../match/query.ts'
import type { Identity } from '../plan/access.ts'
import type { ExplainedAccess } from './explanation.ts'

/** At most this many values of a condition, and rules of a policy, are listed. */
const VALUES_MAX = 3
const RULES_MAX = 3

type Asked = { readonly query: Query; readonly client: ColdWorkload; readonly port: number }

/** null: the listener has no policies, or no server takes the connection. */
export function explainAccess(
  table: Table,
  cold: Cold,
  query: Query,
  client: ColdWorkload,
  bits: Uint32Array,
): ExplainedAccess | null {
  const listener = table.access === null ? -1 : listenerOf(table, query)
  if (table.access === null || listener < 0) return null
  const verdict = createVerdict()
  const may = authorize(table, table.access, listener, query, bits, verdict)
  const nameOf = (row: number): string | null => {
    const rule = row === NO_ROW ? null : policyRuleOf(table, cold, row)
    return rule && policyRuleName(rule)
  }
  const row = may ? verdict.tried : verdict.denied
  const found = row === NO_ROW ? null : policyRuleOf(table, cold, row)
  const policy =
    found && cold.policies?.find(each => each.name === found.policy && each.action === found.action)
  const port = table.listeners[listener * Listener.WORDS + Listener.rulePort] || query.destinationPort
  return {
    listener,
    deniedBy: may ? null : nameOf(verdict.denied),
    wouldBeDeniedBy: nameOf(verdict.tried),
    auditedBy: nameOf(verdict.audited),
    because: policy ? becauseOf(policy, found.rule, { query, client, port }) : null,
  }
}

/**
 * For a DENY rule, what holds; for an ALLOW policy, what does not hold for each of its first rules.
 */
function becauseOf({ action, rules }: ColdPolicy, rule: number | null, asked: Asked): string {
  if (action === 'DENY') return holding(rules[rule ?? 0], asked).join('; ') || 'it denies everybody'
  if (rules.length === 0) return 'it has no rule'
  const texts = rules.slice(0, RULES_MAX).map((each, index) => {
    const text = failing(each, asked).join('; ')
    return rules.length === 1 ? text : `rules[${index}]: ${text}`
  })
  return [...texts, ...(rules.length > RULES_MAX ? [`and ${rules.length - RULES_MAX} rules more`] : [])].join(
    '; ',
  )
}

type Rule = ColdPolicy['rules'][number]

function holding({ from, to, when }: Rule, asked: Asked): string[] {
  const fits = (tests: readonly ColdTest[]): boolean => tests.every(test => holds(test, asked))
  return [from.find(fits) ?? [], to.find(fits) ?? [], when].flat().map(test => textOf(test, asked))
}

function failing({ never, from, to, when }: Rule, asked: Asked): string[] {
  if (never !== null) return [never]
  const fails = (alternatives: readonly (readonly ColdTest[])[]): readonly ColdTest[] =>
    alternatives.length === 0 || alternatives.some(tests => tests.every(test => holds(test, asked)))
      ? []
      : alternatives.flatMap(tests => tests.filter(test => !holds(test, asked)))
  const tests = [...fails(from), ...fails(to), ...when.filter(test => !holds(test, asked))]
  return tests.map(test => textOf(test, asked))
}

const holds = (test: ColdTest, asked: Asked): boolean => isSo(test, asked) !== test.not

function isSo(test: ColdTest, { query, client, port }: Asked): boolean {
  const { of, values, isKnown } = test
  if (of === 'peer' || of === 'client' || of === 'destination') {
    const { family, words } = addressOf(of, query)
    return values.some(value => {
      const cidr = parseCidr(value)
      return cidr !== null && family !== 0 && contains(cidr, family, words)
    })
  }
  if (of === 'port') return values.includes(String(port))
  if (of === 'serverName') return takesName(patternsOf(values), query.serverName)
  if (query.identity !== null) return isCertifiedAs(query.identity, of, values)
  return isKnown === true && isIdentity(client, of, values)
}

/** What a condition on the client's identity reads of it. */
function whoText(of: Identity, { query, client }: Asked, isKnown: boolean): string {
  const { identity } = query
  if (identity === null)
    return isKnown ? `the workload ${workloadText(client)}` : 'a client without a certificate'
  const read = identity.names.flatMap(name => partOfName(name, of) || [])
  return read.join(' or ') || `a certificate without ${NOUNS[of]}`
}

const NOUNS: Readonly<Record<Identity, string>> = {
  principal: 'a SPIFFE URI',
  trustDomain: 'a SPIFFE URI',
  namespace: 'a namespace',
  serviceAccount: 'a service account',
}

const workloadText = ({ namespace, serviceAccount = '' }: ColdWorkload): string =>
  `${namespace ?? 'unknown'}${serviceAccount === '' ? '' : `/${serviceAccount}`}`

function addressOf(of: 'peer' | 'client' | 'destination', query: Query) {
  if (of === 'destination') return { family: query.destinationFamily, words: query.destination }
  return of === 'peer' && query.peerFamily !== 0
    ? { family: query.peerFamily, words: query.peer }
    : { family: query.clientFamily, words: query.client }
}

/** "ipBlocks: 192.0.2.1 is outside 10.0.0.0/8": the fact, whether the policy wants it or not. */
function textOf(test: ColdTest, asked: Asked): string {
  const { of, field, values } = test
  const is = isSo(test, asked)
  const some = [
    ...values.slice(0, VALUES_MAX),
    ...(values.length > VALUES_MAX ? [`${values.length - VALUES_MAX} more`] : []),
  ]
  const list = some.join(', ')
  if (of === 'peer' || of === 'client' || of === 'destination') {
    const { family, words } = addressOf(of, asked.query)
    const address = family === 0 ? 'an unknown address' : formatAddress(family, words)
    return `${field}: ${address} is ${is ? 'in' : 'outside'} ${list}`
  }
  if (of === 'port') return `${field}: ${asked.port} is ${is ? 'one' : 'none'} of ${list}`
  if (of === 'serverName')
    return `${field}: ${asked.query.serverName || 'no server name'} is ${is ? 'one' : 'none'} of ${list}`
  return `${field}: ${whoText(of, asked, test.isKnown === true)} is ${is ? 'one' : 'none'} of ${list}`
}
