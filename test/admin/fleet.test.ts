/**
 * GET /fleet: a gateway that asks the others, some of which are behind, gone, slow, talkative or no
 * weir at all.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AdminAuth } from '../../src/config/settings/settings.ts'
import { ask, folder } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { behindAt, likeAt, peer } from './fleet-kit.ts'
import { call } from './kit.ts'
import { splitting } from './routes-kit.ts'
import { reading, scene } from './scene.ts'

type Replica = { readonly place: string; readonly self: boolean; readonly why: string | null }

const oddsOf = (replicas: readonly Replica[]): string[] => replicas.flatMap(each => each.why ?? [])

const oddOf = (replicas: readonly Replica[], place: string): string | null =>
  (replicas.find(each => each.place === place) ?? assert.fail(place)).why

test('two replicas ask each other: shares are summed; the one behind is named, by both', async t => {
  const hosts: string[] = []
  const one = await scene(t, splitting(70, 30), 'epoll', { fleet: hosts })
  const two = await scene(t, () => splitting(70, 30)(one.port, one.backend), 'epoll', { fleet: hosts })
  hosts.push(`127.0.0.1:${one.where.port}`, `127.0.0.1:${two.where.port}`)
  for (let index = 0; index < 120; index++) assert.equal(await ask(one.port), 'hello test')
  const places = (replicas: readonly Replica[]) => replicas.map(each => [each.place, each.self, each.why])
  const { status, body } = await one.get('/fleet')
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual(places(body.replicas), [
    [hosts[0], true, null],
    [hosts[1], false, null],
  ])
  assert.equal(body.rules[0].connections, 120)
  assert.equal(body.rules[0].exactTo, 2)
  for (const { connections, configuredShare, deliveredShare } of body.rules[0].destinations) {
    assert.ok(Math.abs(connections - 120 * configuredShare) < 2)
    assert.equal(deliveredShare.verdict, 'as-asked')
  }
  await two.save(splitting(60, 40)(one.port, one.backend))
  await two.reload()
  const asTwo = (await two.get('/fleet')).body
  assert.equal(
    asTwo.configuration,
    asTwo.replicas[1].summary.configuration,
    'of as many, what was taken last',
  )
  assert.match(String(oddOf(asTwo.replicas, hosts[0])), /^configuration \w+, where 1 has/)
  assert.equal(oddOf(asTwo.replicas, hosts[1]), null)
  assert.equal(asTwo.replicas[1].summary.generation, 2)
})

test('five replicas: one is behind, one gone, one slow, and nobody waits for them', async t => {
  const hosts: string[] = []
  const one = await scene(t, splitting(70, 30), 'epoll', { fleet: hosts, fleetMs: 2_000 })
  const fine = await peer(t, likeAt(one.where.port))
  const behind = await peer(t, behindAt(one.where.port))
  const slow = await peer(t, () => {}) // never answers
  const gone = `127.0.0.1:${await freePort()}`
  hosts.push(`127.0.0.1:${one.where.port}`, fine.place, behind.place, slow.place, gone)
  for (let index = 0; index < 10; index++) await ask(one.port)
  const { body } = await one.get('/fleet')
  assert.equal(body.replicas.length, 5)
  assert.equal(oddOf(body.replicas, fine.place), null)
  assert.match(String(oddOf(body.replicas, behind.place)), /^configuration b{12}, where 2 have/)
  assert.match(String(oddOf(body.replicas, slow.place)), /no answer within 2\.0 s/)
  assert.match(String(oddOf(body.replicas, gone)), /ECONNREFUSED/)
  assert.equal(body.rules[0].connections, 20, 'of the two that serve the same')
  assert.deepEqual([...new Set(fine.asked.map(each => each.split('?')[0]))].sort(), ['/routes', '/summary'])
})

test('replicas whose rules do not come in time are there, and say so', async t => {
  const hosts: string[] = []
  const one = await scene(t, splitting(70, 30), 'epoll', { fleet: hosts, fleetMs: 2_000 })
  const like = likeAt(one.where.port)
  const stuck = await Promise.all(
    Array.from({ length: 9 }, () =>
      peer(t, (request, response) => {
        if (request.url?.startsWith('/summary')) like(request, response)
      }),
    ),
  )
  hosts.push(...stuck.map(each => each.place))
  for (let index = 0; index < 10; index++) await ask(one.port)
  const { body } = await one.get('/fleet')
  assert.ok(body.replicas.every((each: { summary: unknown }) => each.summary !== null))
  const whys = oddsOf(body.replicas).map(each => each.replace(/\d+\.\d s/, 'T'))
  const late = 'its rules are not counted: no answer within T'
  const never = 'its rules are not counted: no time was left to ask'
  assert.deepEqual(whys.sort(), [...Array(8).fill(late), never])
  assert.equal(body.rules[0].connections, 10)
})

test('a gateway that its list does not name is part of it, and one at two names counts once', async t => {
  const hosts: string[] = []
  const one = await scene(t, splitting(70, 30), 'epoll', { fleet: hosts })
  const two = await scene(t, splitting(70, 30), 'epoll')
  hosts.push(`127.0.0.1:${two.where.port}`, `localhost:${two.where.port}`, 'no-such-name.invalid')
  const { replicas } = (await one.get('/fleet')).body
  const there = replicas.filter((each: { summary: unknown }) => each.summary !== null)
  assert.deepEqual(
    there.map((each: Replica) => [each.place, each.self]),
    [
      ['this gateway', true],
      [hosts[0], false],
    ],
  )
  assert.match(String(oddOf(replicas, 'no-such-name.invalid')), /has no address/)
})

test('who asks for the fleet many times asks the others once, and never in a circle', async t => {
  const hosts: string[] = []
  const one = await scene(t, splitting(70, 30), 'epoll', { fleet: hosts })
  const others = await Promise.all(Array.from({ length: 12 }, () => peer(t, likeAt(one.where.port))))
  hosts.push(...others.map(each => each.place))
  const answers = await Promise.all(Array.from({ length: 20 }, () => one.get('/fleet')))
  for (const { body } of answers) assert.deepEqual(oddsOf(body.replicas), [])
  for (const { asked } of others)
    assert.deepEqual(
      asked.map(each => each.split('?')[0]),
      ['/summary', '/routes'],
    )
})

test('an answer without end, of no weir, or of another shape is told as such', async t => {
  const hosts: string[] = []
  const one = await scene(t, splitting(70, 30), 'epoll', { fleet: hosts })
  const endless = await peer(t, (request, response) => {
    if (request.url?.startsWith('/summary')) return likeAt(one.where.port)(request, response)
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  })
  const page = await peer(t, (_request, response) => void response.end('<html>'))
  const wrong = await peer(t, (_request, response) => void response.end('{"rules":[],"total":0,"version":7}'))
  const evil = await peer(t, (request, response) => {
    const isRules = request.url?.startsWith('/routes')
    response.end(isRules ? '{"rules":[{"rule":null,"destinations":{}}],"total":1}' : '{"version":"1"}')
  })
  hosts.push(endless.place, page.place, wrong.place, evil.place)
  const { status, body } = await one.get('/fleet')
  assert.equal(status, 200)
  assert.match(
    String(oddOf(body.replicas, endless.place)),
    /^its rules are not counted: more than 8388608 bytes/,
  )
  assert.match(String(oddOf(body.replicas, page.place)), /is no weir/)
  assert.match(String(oddOf(body.replicas, wrong.place)), /another version: no version/)
  assert.match(String(oddOf(body.replicas, evil.place)), /another version: no /)
})

test('the others are asked with the gateway’s own token for reading, never with that of the caller', async t => {
  const root = folder(t, { read: 'a-token-that-only-reads', change: 'a-token-that-may-change' })
  const auth: AdminAuth = {
    tokens: [
      { file: join(root, 'change'), role: 'change' },
      { file: join(root, 'read'), role: 'read' },
    ],
    peerUids: [],
  }
  const hosts: string[] = []
  const one = await scene(t, splitting(70, 30), 'epoll', { fleet: hosts, auth })
  const two = await scene(t, splitting(70, 30), 'epoll', { auth })
  const spy = await peer(t, (_request, response) => {
    response.writeHead(401, { 'content-type': 'application/json' })
    response.end('{"code":"no-token","message":"GET needs a token here"}')
  })
  hosts.push(`127.0.0.1:${two.where.port}`, spy.place)
  assert.equal((await one.get('/fleet')).status, 401)
  assert.deepEqual(spy.asked, [], 'who may not read makes nobody ask')
  const { body } = await call(one.where, 'GET /fleet', {
    host: 'localhost',
    authorization: 'Bearer a-token-that-may-change',
  })
  assert.equal(oddOf(body.replicas, hosts[0]), null)
  assert.equal(oddOf(body.replicas, spy.place), 'GET needs a token here')
  assert.ok(spy.asked.length > 0)
  for (const each of spy.asked) assert.match(each, / Bearer a-token-that-only-reads$/)
})

test('without admin.fleet there is no fleet, and the page knows', async () => {
  const one = await reading()
  const { status, body } = await one.get('/fleet')
  assert.deepEqual([status, body.code], [404, 'no-fleet'])
  assert.equal((await one.get('/overview')).body.fleet, false)
})
