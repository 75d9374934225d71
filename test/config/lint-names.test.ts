/**
 * Goal: server names that are never used, or that an earlier rule takes, are found as ranges are.
 * Method: a small configuration as text, so that the lines are real.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKENDS, found, load, resource, route } from './lint-kit.ts'

const CLOSED = resource(
  'Settings',
  'weir',
  '  {mesh: {capture: none}, sources: [{cidr: 10.0.0.1, namespace: shop}]}',
  'gateway.weir',
)
const gateway = (name: string, ...hosts: string[]) =>
  resource(
    'Gateway',
    name,
    `  servers: [{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [${hosts.join(', ')}]}]`,
  )
const sni = (...names: string[]) => `{sniHosts: [${names.join(', ')}]}`
const ofShop = (...names: string[]) => `{sniHosts: [${names.join(', ')}], sourceNamespace: shop}`
const routes = (hosts: string[], gateways: string[], ...lines: string[]) =>
  resource(
    'VirtualService',
    'a',
    `  hosts: [${hosts.join(', ')}]\n  gateways: [${gateways.join(', ')}]\n  tls:\n${lines.join('\n')}`,
  )

const HEAD = BACKENDS + CLOSED + gateway('edge', "'*.test'")
/** The line of the first route of the VirtualService after HEAD. */
const FIRST = HEAD.split('\n').length + 7
const lint = (...lines: string[]): string[] => found(HEAD + routes(["'*.test'"], ['edge'], ...lines))

test('names in the order that is meant have no finding', () => {
  assert.deepEqual(
    lint(route(sni('a.test')), route(sni('b.test', "'*.b.test'"), 'two'), route(sni("'*.test'"))),
    [],
  )
})

test('a name inside an earlier wildcard is never used, and the hint says that list order decides', () => {
  const text = HEAD + routes(["'*.test'"], ['edge'], route(sni("'*.test'")), route(sni('A.test'), 'two'))
  assert.deepEqual(found(text), [
    `IST0130 ${FIRST + 1}: tls[1] is never used: tls[0].match[0] (a.yaml:${FIRST}) takes its connections first`,
  ])
  assert.match(load(text)[0].hint ?? '', /not the most specific server name/)
})

test('several rules take the names of a later one between them', () => {
  assert.deepEqual(lint(route(sni('a.test')), route(sni('b.test')), route(sni('a.test', 'b.test'), 'two')), [
    `IST0130 ${FIRST + 2}: tls[2] is never used: tls[0].match[0] (a.yaml:${FIRST}) and tls[1].match[0] (a.yaml:${FIRST + 1}) together take its connections first`,
  ])
})

test('one name of several that an earlier rule takes is found, and what asks for less is not', () => {
  assert.deepEqual(
    lint(route(ofShop('c.test')), route(sni('a.test')), route(sni('b.test', 'A.test', 'c.test'), 'two')),
    [
      `CFG451 ${FIRST + 2}: a.test is never used here: tls[1].match[0] (a.yaml:${FIRST + 1}) takes its connections first`,
    ],
  )
})

test('the hosts of a server may be all that a wildcard asks for', () => {
  const text =
    BACKENDS +
    CLOSED +
    gateway('edge', 'a.test', 'b.test') +
    routes(['a.test', 'b.test'], ['edge'], route(sni('a.test')), route(sni('b.test')))
  assert.deepEqual(found(text), [])
  const wide = text.replace('hosts: [a.test, b.test]\n', "hosts: ['*.test']\n")
  const all = wide
    .replace('\n---\n', '\n---\n')
    .replace(/\n---\n$/, `\n${route(sni("'*.test'"), 'two')}\n---\n`)
  assert.match(found(all).join('\n'), /^IST0130 \d+: tls\[2\] is never used: tls\[0\].* together take/)
})

test('names that no server takes are one finding, with who has the first', () => {
  const hosts = ['a.test', 'b.test', 'c.test']
  const two = BACKENDS + CLOSED + gateway('edge', 'a.test') + gateway('other', 'b.test')
  const lines = found(
    two +
      routes(hosts, ['edge'], route(sni('b.test')), route(sni('a.test', 'c.test'))) +
      routes(['b.test'], ['other'], route(sni('b.test'))).replace('name: a', 'name: b'),
  )
  assert.deepEqual(
    lines.map(each => each.replace(/ \d+:/, ':')),
    [
      'CFG466: no server that admits the VirtualService takes "b.test", but one of Gateway default/other does; so it is with 1 other name of this VirtualService',
    ],
  )
})

test('a more specific server of another Gateway has the name, though the wildcard admits it', () => {
  const two = HEAD + gateway('other', 'x.test')
  const own = routes(["'*.test'"], ['edge'], route(sni('x.test')), route(sni("'*.test'")))
  const others = routes(['x.test'], ['other'], route(sni('x.test'))).replace('name: a', 'name: b')
  assert.deepEqual(
    found(two + own + others).map(each => each.replace(/ \d+:/, ':')),
    [
      'CFG466: no server that admits the VirtualService takes "x.test", but one of Gateway default/other does',
    ],
  )
  const both = found(two + own.replace('[edge]', '[edge, other]') + others).join()
  assert.doesNotMatch(both, /CFG466/, 'it is used at the other Gateway')
})

test('a name that another listener uses is no finding', () => {
  const second = gateway('second', 'c.test').replace('443', '444')
  const text = routes(["'*.test'"], ['edge', 'second'], route(sni('a.test')), route(sni('c.test', 'a.test')))
  assert.deepEqual(
    found(HEAD + text + second).map(each => each.slice(0, 6)),
    ['CFG451'],
    'a.test is taken at both, c.test only asked for',
  )
})

test('a wider name of an earlier rule that only some clients fit is a note', () => {
  assert.deepEqual(lint(route(ofShop("'*.test'")), route(sni('a.test'), 'two')), [
    `CFG454 ${FIRST + 1}: tls[0].match[0] (a.yaml:${FIRST}) has a wider server name around a.test and comes first, so it takes connections that match both`,
  ])
  const apart = (subnet: string, name: string) => `{sniHosts: [${name}], destinationSubnets: [${subnet}]}`
  assert.deepEqual(
    lint(route(apart('10.0.0.0/8', "'*.test'")), route(apart('11.0.0.0/8', 'a.test'), 'two')),
    [],
    'no connection fits both',
  )
})

test('names inside others of one match are one note', () => {
  assert.deepEqual(lint(route(sni("'*.test'", 'a.test', 'A.test', 'b.test'))), [
    `CFG453 ${FIRST}: a.test is inside *.test of the same match, and 2 more of its names have no effect either`,
  ])
  assert.deepEqual(lint(route(sni('a.test', 'A.test'))), [
    `CFG453 ${FIRST}: a.test appears twice in this match`,
  ])
})
