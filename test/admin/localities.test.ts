/**
 * Which endpoints are near, which wait for others to fail, and why: in the answers of the admin
 * listener, of `weir endpoints` and of `weir explain`.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { weir } from '../cli/kit.ts'
import { ask, echo } from '../control/scene.ts'
import { located } from './localities-kit.ts'
import { scene } from './scene.ts'

type Shown = Readonly<Record<string, unknown>>

const picked = (all: readonly Shown[], ...fields: readonly string[]) =>
  all.map(each => fields.map(field => each[field]))

test('an endpoint of a later priority says which one has to fail, and takes over when it does', async t => {
  const [near, far] = [await echo(t, 'near'), await echo(t, 'far')]
  const localities = [
    [near, 'us/a'],
    [far, 'us/b'],
    [1, 'eu'],
  ] as const
  const { get, send, port, where } = await scene(t, located(localities, 'outlierDetection: {}'))
  const admin = `127.0.0.1:${where.port}`
  const listed = async (): Promise<Shown[]> => (await get('/endpoints')).body.endpoints
  assert.equal(await ask(port), 'near test')
  assert.deepEqual(picked(await listed(), 'state', 'priority', 'locality', 'groupShare', 'why'), [
    ['up', 0, 'us/a', 1, null],
    [
      'up',
      1,
      'us/b',
      0,
      'priority 1: in rotation only when priority 0 is below 1 available endpoint (now 1 of 1)',
    ],
    [
      'up',
      2,
      'eu',
      0,
      'priority 2: in rotation only when priorities 0 to 1 are below 100 % in all, each endpoint counted as 1.4 (now available: 1 of 1 of priority 0, 1 of 1 of priority 1)',
    ],
  ])
  const { out } = await weir(['endpoints', '--admin', admin])
  assert.match(out, /^ENDPOINT +STATE +PRIORITY +LOCALITY +SHARE +OPEN /)
  assert.match(out, new RegExp(`\n127\\.0\\.0\\.1:${far} +up +1 +us/b +0 % +0 `))

  await send('POST /endpoints/drain', { endpoint: `127.0.0.1:${near}` })
  assert.equal(await ask(port), 'far test')
  assert.deepEqual(picked(await listed(), 'state', 'priority', 'groupShare', 'why').slice(0, 2), [
    ['draining', 0, 0, 'an operator drains it, until it is enabled or weir restarts'],
    [
      'up',
      1,
      1,
      'priority 1 gets 100 % of the connections: available are 0 of 0 of priority 0, 1 of 1 of priority 1',
    ],
  ])

  const { body } = await get(`/explain?gateway=edge&to=127.0.0.1:${port}`)
  assert.deepEqual(picked(body.destinations[0].groups, 'priority', 'locality', 'share', 'endpoints'), [
    [0, 'us/a', 1, [`127.0.0.1:${near}`]],
    [1, 'us/b', 0, [`127.0.0.1:${far}`]],
    [2, 'eu', 0, ['127.0.0.1:1']],
  ])
  const explained = await weir(['explain', '--live', '--to', `127.0.0.1:${port}`, '--admin', admin])
  assert.match(
    explained.out,
    /priority 0, us\/a\n +127\.\S+\n +priority 1, us\/b: in rotation only when priority 0 is below 1 available endpoint\n/,
  )
})

test('weighted localities show their part, and what is left out is not listed', async t => {
  const localities = [
    [1, 'us/a'],
    [2, 'us/b'],
    [3, 'us/b'],
    [4, 'eu'],
  ] as const
  const distribute = "distribute: [{from: 'us/*', to: {us/a: 70, us/b: 30}}]"
  const { get, send } = await scene(
    t,
    located(localities, `loadBalancer: {localityLbSetting: {${distribute}}}`),
  )
  const listed = async (): Promise<Shown[]> => (await get('/endpoints')).body.endpoints
  assert.deepEqual(picked(await listed(), 'locality', 'groupShare', 'why'), [
    ['us/a', 0.7, null],
    ['us/b', 0.3, null],
    ['us/b', 0.3, null],
  ])
  await send('POST /endpoints/drain', { endpoint: '127.0.0.1:1' })
  assert.deepEqual(picked(await listed(), 'locality', 'groupShare'), [
    ['us/a', 0],
    ['us/b', 1],
    ['us/b', 1],
  ])
})
