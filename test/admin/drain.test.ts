/** Draining some connections by the admin listener, while the gateway serves on. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { weir } from '../cli/kit.ts'
import { ask, routing } from '../control/scene.ts'
import { ENGINES } from '../support/engine.ts'
import { hello, host, record, serverName } from '../support/hello.ts'
import { open, until } from '../support/sockets.ts'
import { sharing } from './names-kit.ts'
import { type Scene, scene, talking } from './scene.ts'

/** A reset is an error of the socket, too; that is not what is waited for. */
const gone = (socket: Socket): Promise<void> =>
  new Promise(resolve => (socket.closed ? resolve() : socket.once('close', () => resolve())))

/** The newest drain once nothing of it is left. */
async function ended({ get }: Pick<Scene, 'get'>) {
  for (;;) {
    const [newest] = (await get('/drain')).body.drains
    if (newest.left === 0) return newest
  }
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: older generations end, newer ones and new connections go on`, async t => {
    const where = await scene(t, routing, engine)
    const { get, send, port, backend, save, logged } = where
    const older = await Promise.all([talking(t, port), talking(t, port)])
    save(routing(port, backend).replace('{name: all}', '{name: new}'))
    await logged('generation 2:')
    const newer = await talking(t, port)
    const closed = Promise.all(older.map(socket => gone(socket)))
    const { status, body } = await send('POST /drain', { select: 'matching', olderThan: 2, overS: 0.05 })
    assert.deepEqual([status, body.matched, body.selection, body.overS], [200, 2, { olderThan: 2 }, 0.05])
    await closed
    const { number, matched, left } = await ended(where)
    assert.deepEqual([number, matched, left], [1, 2, 0])
    newer.write('test\n')
    await once(newer, 'data')
    assert.equal(await ask(port), 'hello test')
    while ((await get('/summary')).body.closed.drain !== 2); // counted once their rows are gone
  })
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: who is still being read from is drained once its Gateway, or its rule, is known`, async t => {
    const where = await scene(t, sharing, engine)
    const { send, port, gateway } = where
    const begins = async (name: string) => {
      const socket = await open(port)
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      const said = record(hello([serverName(host(name))]))
      socket.write(said.subarray(0, 20))
      return { socket, goOn: () => socket.write(said.subarray(20)) }
    }
    const selections = [
      { listener: `default/second 127.0.0.1:${port}` },
      { listener: 'default/second' },
      { rule: 'default/all tls[1].match[0]' },
    ]
    for (const which of selections) {
      const kept = await begins('a.test')
      const drained = await begins('c.test')
      const live = gateway.serving?.plane.observer.live
      await until(() => live?.states().reading === 2)
      const { body } = await send('POST /drain', { select: 'matching', overS: 0, ...which })
      assert.deepEqual([body.matched, body.left], [2, 2])
      const end = gone(drained.socket)
      kept.goOn()
      await once(kept.socket, 'data')
      drained.goOn()
      await end
      const { matched, left } = await ended(where)
      assert.deepEqual([matched, left], [1, 0])
      kept.socket.write('x')
      await once(kept.socket, 'data')
      kept.socket.destroy()
      await until(() => live?.count() === 0)
    }
  })
}

test('a listener, a generation, a rule and all are found; what is not there matches nothing, or is refused', async t => {
  const where = await scene(t)
  const { send, port } = where
  const listener = `default/edge 127.0.0.1:${port}`
  const cases: [object, number][] = [
    [{ generation: 7 }, 0],
    [{ rule: 'default/all tcp[1]' }, 0],
    [{ rule: 'default/all tcp[0].match[0]' }, 0],
    [{ listener, generation: 1, rule: 'default/all tcp[0]' }, 1],
    [{ rule: 'default/all' }, 1],
    [{ listener }, 1],
    [{ listener: 'default/edge' }, 1],
    [{ generation: 1 }, 1],
  ]
  for (const listener of ['default', 'default/edge 127.0.0.1:1'])
    assert.equal(
      (await send('POST /drain', { select: 'matching', overS: 0, listener })).status,
      404,
      listener,
    )
  let open = await talking(t, port)
  for (const [selection, matched] of cases) {
    const { status, body } = await send('POST /drain', { select: 'matching', overS: 0, ...selection })
    assert.deepEqual([status, body.matched], [200, matched], JSON.stringify(selection))
    if (matched === 0) continue
    await gone(open)
    await ended(where)
    open = await talking(t, port)
  }
  assert.equal((await send('POST /drain', { select: 'all', overS: 0 })).body.matched, 1)
  assert.equal((await ended(where)).number, cases.length + 1)
})

test('what says nothing, too much or nonsense is refused, and nothing is drained by GET', async t => {
  const { get, send, port } = await scene(t)
  await talking(t, port)
  const bodies = [
    {},
    { select: 'matching', overS: 1 },
    { select: 'all', overS: 1, generation: 1 },
    { select: 'all' },
    { select: 'some', overS: 1 },
    { select: 'all', overS: -1 },
    { select: 'all', overS: 86_401 },
    { select: 'matching', overS: 1, rule: 'all' },
    { select: 'matching', overS: 1, rule: 'default/all tcp[x]' },
    { select: 'matching', overS: 1, rule: `${'a/'.repeat(30_000)} ` }, // not in the square of its length
    { select: 'matching', overS: 1, generation: 0 },
    { select: 'matching', overS: 1, listner: 'a' },
  ]
  for (const body of bodies) assert.equal((await send('POST /drain', body)).status, 400, JSON.stringify(body))
  assert.equal((await get('/drain?select=all&overS=0')).status, 200)
  assert.deepEqual((await get('/drain')).body, { drains: [] })
  assert.equal((await get('/connections')).body.total, 1)
})

test('weir drain waits until all have ended', async t => {
  const { where, port } = await scene(t)
  await Promise.all([talking(t, port), talking(t, port)])
  const drain = (...words: string[]) => weir(['drain', ...words, '--admin', `127.0.0.1:${where.port}`])
  const { code, out } = await drain('--rule', 'default/all', '--over', '20ms', '--wait')
  assert.equal(code, 0)
  assert.match(out, /^drain 1: 2 connections over 20 ms\nall have ended, after \d+(\.\d)? m?s\n$/)
  const json = JSON.parse((await drain('--all', '--over', '0s', '--output', 'json')).out)
  assert.deepEqual([json.number, json.matched, json.overS], [2, 0, 0])
  const none = await drain('--listener', 'default/egde', '--over', '0s')
  assert.deepEqual([none.code, none.out], [1, ''])
  assert.match(none.err, /there is no listener "default\/egde" \(did you mean "default\/edge"\?\)/)
  for (const words of [
    [],
    ['--all', '--generation', '1'],
    ['--rule', 'nonsense'],
    ['--over', 'x', '--all'],
  ]) {
    const wrong = await drain(...words)
    assert.deepEqual([wrong.code, wrong.out], [2, ''], words.join(' '))
  }
})
