/** Names of rules, of VirtualServices and of Gateway API's routes: written and read again. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { readLine } from '../../src/access-log/read-line.ts'
import { nameInRules, parseRuleName, ruleName, ruleResource } from '../../src/table/plan/rule-name.ts'

const NAMES = [
  'shop/orders tcp[0]',
  'shop/orders tls[1].match[2]',
  'TCPRoute shop/orders rules[0]',
  'TLSRoute shop/orders rules[0].match[3]',
]

test('what is written is read', () => {
  for (const name of NAMES) {
    const parsed = parseRuleName(name)
    equal(parsed && ruleName(parsed), name)
  }
  deepEqual(
    parseRuleName('TCPRoute orders rules[0]')?.virtualService,
    'TCPRoute orders',
    'without a namespace',
  )
})

test('blocks are those of the kind', () => {
  for (const name of [
    'shop/orders rules[0]',
    'TCPRoute shop/orders tcp[0]',
    'HTTPRoute shop/orders rules[0]',
    'shop/orders x[0]',
  ])
    equal(parseRuleName(name), null, name)
})

test('the resource of a rule, and back', () => {
  for (const title of ['VirtualService shop/orders', 'TCPRoute shop/orders', 'TLSRoute shop/orders'])
    equal(ruleResource(nameInRules(title) ?? ''), title)
  equal(nameInRules('Gateway shop/edge'), null)
})

test('a line of the access log is read, whatever its rule is of', () => {
  const line = (rule: string) =>
    `[2026-11-23T07:36:27.123Z] 10.0.0.1:5000 -> 192.0.2.1:7000 -> 10.0.0.11:9000 client-closed after 12 ms, 9 bytes in, 5 out, by ${rule} (a.yaml:7), outbound|9000||a.example, generation 3, connection 7`
  const [first, ...others] = NAMES.map(name => JSON.stringify(readLine(line(name))).replaceAll(name, ''))
  equal(first.includes('a.example'), true)
  for (const other of others) equal(other, first)
  // A resource of a Kubernetes API stands where the file does, without a line.
  const ofApi = line('TCPRoute shop/orders rules[0]').replace('a.yaml:7', 'TCPRoute shop/orders')
  const read = Object(readLine(ofApi))
  deepEqual([read.writtenAt, read.destination?.host], ['TCPRoute shop/orders', 'a.example'])
})
