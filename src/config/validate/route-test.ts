/**
 * RouteTest: connections and their expected routing.
 *
 * RouteTest is weir's own kind, so this module checks everything: types, fields, meaning.
 * config/route-tests/route-tests.ts looks up the gateways and rules that its tests name.
 */

import { splitEndpoint } from '../../address/address.ts'
import { REASON_NAMES } from '../../stats/reasons.ts'
import { EARLY_ENDS } from '../../table/explain/ends.ts'
import { parseRuleName, WITHOUT_RULE } from '../../table/plan/rule-name.ts'
import { quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import type { Field } from './field.ts'
import { checkLabels } from './field-checks.ts'
import { checkFields } from './fields-of-kind.ts'
import type { Fields } from './known-fields.ts'
import { dnsLabel, domain, isIpAddress } from './names.ts'
import { checkShape, type Shape } from './shape.ts'

const SHAPE: Shape = {
  'spec!': {
    'tests!': [
      {
        'name!': 'text',
        'connection!': {
          gateway: 'text',
          from: 'text',
          peer: 'text',
          to: 'text',
          namespace: 'text',
          labels: { '*': 'text' },
          sni: 'text',
          identity: 'text',
        },
        'expect!': {
          destination: 'text',
          port: 'port',
          subset: 'text',
          share: { 'percent!': 'number', within: 'number' },
          reason: 'text',
          rule: 'text',
        },
      },
    ],
  },
}

/**
 * The fields of `spec`. `peer` is the other end of the socket, which may send a PROXY header; `sni`
 * is the server name of a ClientHello, `identity` a name of the client's certificate.
 */
export const ROUTE_TEST_FIELDS: Fields = {
  tests: {
    name: 'served',
    connection: {
      gateway: 'served',
      from: 'served',
      peer: 'served',
      to: 'served',
      namespace: 'served',
      labels: 'served',
      sni: 'served',
      identity: 'served',
    },
    expect: {
      destination: 'served',
      port: 'served',
      subset: 'served',
      share: { percent: 'served', within: 'served' },
      reason: 'served',
      rule: 'served',
    },
  },
}

/** The fields of `expect` that select a destination. */
const ABOUT_DESTINATION = ['destination', 'port', 'subset', 'share']
const RULE_HINT = 'write it as weir explain does: "shop/orders tcp[0]", or "shop/orders tcp[0].match[1]"'

export function checkRouteTest(root: Field): void {
  checkShape(root, SHAPE)
  checkFields(root, ROUTE_TEST_FIELDS)
  const tests = root.get('spec').get('tests')
  if (Array.isArray(tests.value) && tests.empty)
    tests.report('CFG211', 'a RouteTest must have at least one test')
  const names = new Set<string>()
  for (const each of tests.items) {
    const name = each.get('name')
    if (name.text === '') name.report('CFG103', 'the name of a test is empty')
    else if (name.text !== undefined) {
      if (names.has(name.text))
        name.report('CFG209', `two tests here have the name ${quote(name.text)}`, 'rename one')
      names.add(name.text)
    }
    checkConnection(each.get('connection'))
    checkExpectation(each.get('expect'))
  }
}

function checkConnection(connection: Field): void {
  const gateway = connection.get('gateway')
  gateway.check('CFG205', text =>
    /^[^\s/]+(\/[^\s/]+)?$/.test(text) ? null : 'is not the name of a gateway',
  )
  for (const name of ['from', 'peer']) {
    connection.get(name).check('CFG203', text => (splitEndpoint(text) ? null : 'is not an IP address'))
  }
  connection
    .get('to')
    .check(
      'CFG203',
      text => (parseTarget(text) ? null : 'is not an address and port'),
      'write 10.0.0.1:9000, [2001:db8::1]:9000 or :9000',
    )
  connection.get('namespace').check('CFG217', dnsLabel)
  checkLabels(connection.get('labels'))
  const sni = connection.get('sni')
  if (sni.text !== '') sni.check('CFG201', domain) // a TLS client may ask for none
  connection
    .get('identity')
    .check(
      'CFG205',
      text => (text === '' ? 'is no name of a certificate' : null),
      'write spiffe://…, a host, or CN=…',
    )
}

/** "10.0.0.1:9000", "10.0.0.1" and ":9000"; omitted parts are null. Null: none of these. */
export function parseTarget(text: string): { ip: string | null; port: number | null } | null {
  if (/^:\d{1,5}$/.test(text)) return withPort(null, Number(text.slice(1)))
  const found = splitEndpoint(text)
  return found && (found.port < 0 ? { ip: found.address, port: null } : withPort(found.address, found.port))
}

const withPort = (ip: string | null, port: number) => (port < 1 || port > 65535 ? null : { ip, port })

function checkExpectation(expect: Field): void {
  if (expect.absent || expect.value === null) return
  const given = expect.entries.filter(([, field]) => !field.absent).map(([name]) => name)
  if (given.length === 0) {
    const hint = 'give at least one of destination, port, subset, share, reason and rule'
    expect.report('CFG211', 'the test expects nothing', hint)
  }
  expect.get('destination').check('CFG201', text => (isIpAddress(text) ? null : domain(text)))
  expect.get('subset').check('CFG217', dnsLabel)
  checkShare(expect)
  checkReason(expect)
  expect.get('rule').check('CFG492', isRuleName, RULE_HINT)
}

const isRuleName = (text: string): string | null =>
  parseRuleName(text) || WITHOUT_RULE.some(word => word === text) ? null : 'is not the name of a rule'

function checkShare(expect: Field): void {
  const share = expect.get('share')
  if (share.absent) return
  for (const name of ['percent', 'within']) {
    const { number } = share.get(name)
    if (number !== undefined && !(number >= 0 && number <= 100)) {
      share.get(name).report('CFG208', `${name} ${number} is not between 0 and 100`)
    }
  }
  if (['destination', 'port', 'subset'].every(name => expect.get(name).absent)) {
    share.report('CFG211', 'share does not name a destination', 'add destination, port or subset')
  }
}

function checkReason(expect: Field): void {
  const reason = expect.get('reason')
  const { text } = reason
  if (text === undefined) return
  if (!REASON_NAMES.some(name => name === text)) {
    const hint = didYouMean(text, REASON_NAMES) ?? `a table answers with ${EARLY_ENDS.join(', ')}`
    reason.report('CFG213', `${quote(text)} is not a reason for which a connection ends`, hint)
  } else if (!EARLY_ENDS.some(name => name === text)) {
    const message = `no table answers with ${text}: connections end so only while they are served`
    reason.report('CFG494', message, `expect one of ${EARLY_ENDS.join(', ')}`)
  }
  const about = ABOUT_DESTINATION.find(name => !expect.get(name).absent)
  if ((text === 'no-route' || text === 'denied') && about !== undefined) {
    reason.report(
      'CFG210',
      `a connection that ends with ${text} has no destination, but ${about} is expected`,
    )
  }
}
