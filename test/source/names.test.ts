/**
 * Goal: each name is asked for at its time, and a failure takes no address away. Method: answers
 * as the test gives them, on a clock that it moves.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Answer, FamilyAnswer } from '../../src/source/names/answer.ts'
import type { NameState } from '../../src/source/names/name-state.ts'
import { Names } from '../../src/source/names/names.ts'

const found = (ttlS: number, ...addresses: string[]): FamilyAnswer => ({ kind: 'found', addresses, ttlS })
const NODATA: FamilyAnswer = { kind: 'none', why: 'nodata' }
const NXDOMAIN: FamilyAnswer = { kind: 'none', why: 'nxdomain' }
const SERVFAIL: FamilyAnswer = { kind: 'failed', why: 'servfail' }
const TIMEOUT: FamilyAnswer = { kind: 'failed', why: 'timeout' }

const dns = (four: FamilyAnswer, six: FamilyAnswer = NODATA, asked = 'a.test'): Answer => ({
  source: 'dns',
  asked,
  families: { 4: four, 6: six },
})

function scene(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let nowMs = 1_000
  const answers = new Map<string, Answer | Promise<Answer>>()
  /** What was asked for, with the last whole name. */
  const asked: string[] = []
  const states: string[] = []
  const changes: string[] = []
  let isOther = (_name: string): boolean => false
  let [running, most] = [0, 0]
  const names = new Names({
    nowMs: () => nowMs,
    onChange: changed => {
      for (const [name, addresses] of changed) changes.push(`${name}=${addresses.join(',')}`)
    },
    onState: (state: NameState, before: NameState) =>
      states.push(`${state.name} ${before.state} ${state.state}${state.why && ` (${state.why})`}`),
    lookup: {
      lookup: async name => {
        asked.push(name)
        most = Math.max(most, ++running)
        const answer = await (answers.get(name) ?? dns(NXDOMAIN, NXDOMAIN))
        running--
        return answer
      },
      refresh: async () => isOther,
      useServers: () => {},
      close: () => {},
    },
  })
  t.after(() => names.close())
  /** Moves the clock, and lets what comes of it happen. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      nowMs += 100
      t.mock.timers.tick(100)
      if (asked.length > 0 || left % 1000 === 0) await turn()
    }
    await turn()
  }
  /** Until something is asked for; the time that it took. */
  const wait = async (): Promise<number> => {
    asked.length = 0
    const fromMs = nowMs
    while (asked.length === 0) await pass(100)
    return nowMs - fromMs
  }
  const taken = (list: string[]): string[] => list.splice(0)
  const alter = (other: (name: string) => boolean): void => {
    isOther = other
  }
  const known = (): Record<string, string> =>
    Object.fromEntries([...names.known].map(([name, list]) => [name, list.join(',')]))
  return { names, answers, asked, states, changes, pass, wait, taken, known, alter, most: () => most }
}

test('a name is asked for when its shortest lifetime has passed, and not before', async t => {
  const { names, answers, asked, wait, taken, known, changes } = scene(t)
  answers.set('a', dns(found(20, '10.0.0.2', '10.0.0.1'), found(60, '::1')))
  await names.follow(['a'])
  assert.deepEqual(known(), { a: '10.0.0.1,10.0.0.2,::1' })
  taken(asked)
  assert.ok((await wait()) <= 20_100, 'the first time is drawn within the lifetime')
  answers.set('a', dns(found(20, '10.0.0.1', '10.0.0.2'), found(60, '::1')))
  await wait()
  for (let round = 0; round < 3; round++) {
    const waitedMs = await wait()
    assert.ok(waitedMs >= 20_000 && waitedMs <= 22_100, `${waitedMs}`)
  }
  assert.deepEqual(changes, ['a=10.0.0.1,10.0.0.2,::1'], 'another order is no change')
})

test('lifetimes have a floor and a ceiling', async t => {
  const { names, answers, asked, pass, taken } = scene(t)
  answers.set('zero', dns(found(0, '10.0.0.1')))
  answers.set('ever', dns(found(86_400, '10.0.0.2')))
  await names.follow(['zero', 'ever'])
  taken(asked)
  await pass(900)
  assert.deepEqual(asked, [])
  await pass(10_000)
  assert.ok(asked.filter(name => name === 'zero').length >= 8)
  await pass(640_000)
  const times = asked.filter(name => name === 'ever').length
  assert.ok(times >= 2 && times <= 3, `${times}`)
})

test('names that start together are not asked for together', async t => {
  const { names, answers, asked, pass, taken } = scene(t)
  const all = Array.from({ length: 400 }, (_, index) => `n${index}`)
  for (const name of all) answers.set(name, dns(found(60, '10.0.0.1')))
  await names.follow(all)
  assert.equal(asked.length, 400)
  taken(asked)
  const most: number[] = []
  for (let second = 0; second < 60; second++) {
    await pass(1_000)
    most.push(taken(asked).length)
  }
  assert.ok(Math.max(...most) < 30, `${most}`)
  assert.ok(most.reduce((sum, each) => sum + each) >= 395, `${most}`) // all within their lifetime
})

test('at most 128 lookups run at once, and every name gets its turn', async t => {
  const { names, answers, asked, most } = scene(t)
  const all = Array.from({ length: 1_000 }, (_, index) => `n${index}`)
  const gate = Promise.withResolvers<Answer>()
  for (const name of all) answers.set(name, gate.promise)
  const followed = names.follow(all)
  await turn()
  assert.equal(asked.length, 128)
  gate.resolve(dns(found(60, '10.0.0.1')))
  await followed
  assert.equal(asked.length, 1_000)
  assert.equal(most(), 128)
})

test('a failure keeps the last addresses, is told once, and is tried again ever more slowly', async t => {
  const { names, answers, asked, states, pass, taken, known, changes } = scene(t)
  answers.set('a', dns(found(1, '10.0.0.1')))
  await names.follow(['a'])
  await turn()
  taken(changes)
  answers.set('a', dns(TIMEOUT, TIMEOUT))
  await pass(3_000)
  assert.deepEqual(taken(states), ['a pending resolved', 'a resolved stale (no answer in time)'])
  const before = taken(asked).length
  await pass(600_000)
  assert.deepEqual([known(), changes, states], [{ a: '10.0.0.1' }, [], []])
  assert.ok(before <= 4 && asked.length >= 17 && asked.length <= 25, `${before}, then ${asked.length}`)
  answers.set('a', dns(found(1, '10.0.0.2')))
  await pass(34_000)
  assert.deepEqual([taken(states), changes], [['a stale resolved'], ['a=10.0.0.2']])
})

test('an answer that a name has no address counts after half a minute', async t => {
  const { names, answers, states, pass, known, taken } = scene(t)
  answers.set('a', dns(found(1, '10.0.0.1')))
  await names.follow(['a', 'b'])
  assert.deepEqual(taken(states), ['a pending resolved', 'b pending unresolved (NXDOMAIN)'])
  answers.delete('a')
  await pass(25_000)
  assert.deepEqual(known(), { a: '10.0.0.1' })
  answers.set('a', dns(SERVFAIL, NODATA)) // says nothing, and takes nothing back
  await pass(33_000)
  assert.deepEqual(known(), { a: '10.0.0.1' })
  answers.delete('a')
  await pass(34_000)
  assert.deepEqual(
    [taken(states), known()],
    [['a resolved stale (NXDOMAIN)', 'a stale unresolved (NXDOMAIN)'], { a: '' }],
  )
})

test('one failing family keeps its own addresses, and takes none of the other', async t => {
  const { names, answers, states, pass, known, taken } = scene(t)
  answers.set('a', dns(found(1, '10.0.0.1'), found(1, '::1')))
  await names.follow(['a'])
  answers.set('a', dns(found(1, '10.0.0.2'), SERVFAIL))
  await pass(3_000)
  assert.deepEqual(known(), { a: '10.0.0.2,::1' })
  answers.set('a', dns(NODATA, TIMEOUT))
  await pass(60_000)
  assert.deepEqual(known(), { a: '10.0.0.2,::1' }, 'nobody knows')
  answers.set('a', dns(NODATA, found(1, '::2')))
  await pass(34_000)
  assert.deepEqual(known(), { a: '::2' }, 'a name that exists without IPv4 has none')
  assert.deepEqual(taken(states).slice(1), [
    'a resolved partial (AAAA: SERVFAIL)',
    'a partial stale (A: no address, AAAA: no answer in time)',
    'a stale resolved',
  ])
})

test('addresses of another whole name of the search list are not kept beside new ones', async t => {
  const { names, answers, pass, known } = scene(t)
  answers.set('a', dns(found(1, '10.0.0.1'), found(1, '::1'), 'a.one.test'))
  await names.follow(['a'])
  answers.set('a', dns(found(1, '10.0.0.2'), SERVFAIL, 'a.two.test'))
  await pass(3_000)
  assert.deepEqual(known(), { a: '10.0.0.2' })
})

test('a name that is not wanted any more is not asked for, even while it waits or runs', async t => {
  const { names, answers, asked, pass, taken, known, changes } = scene(t)
  const gate = Promise.withResolvers<Answer>()
  answers.set('a', dns(found(1, '10.0.0.1')))
  answers.set('b', gate.promise)
  const both = names.follow(['a', 'b'])
  await turn()
  await names.follow([])
  await both
  taken(asked)
  taken(changes)
  gate.resolve(dns(found(1, '10.0.0.2')))
  await pass(10_000)
  assert.deepEqual([asked, known(), changes], [[], {}, []])
})

test('a changed file leads to questions at once, also for a name that is just being asked for', async t => {
  const { names, answers, asked, pass, taken, known, alter } = scene(t)
  const gate = Promise.withResolvers<Answer>()
  for (const name of ['a', 'b']) answers.set(name, dns(found(300, '10.0.0.1')))
  answers.set('c', gate.promise)
  void names.follow(['a', 'b', 'c'])
  await turn()
  taken(asked)
  alter(name => name !== 'b')
  answers.set('a', dns(found(300, '10.0.0.9')))
  await pass(2_000)
  alter(() => false)
  assert.deepEqual(taken(asked), ['a'])
  answers.set('c', dns(found(300, '10.0.0.8')))
  gate.resolve(dns(SERVFAIL, SERVFAIL)) // as it ends when its server is given up
  await turn()
  await turn()
  assert.deepEqual([asked, known()], [['c'], { a: '10.0.0.9', b: '10.0.0.1', c: '10.0.0.8' }])
})

test('of names in order the first address counts, so another order is a change', async t => {
  const { names, answers, pass, known, changes } = scene(t)
  answers.set('a', dns(found(1, '10.0.0.2', '10.0.0.1')))
  await names.follow(['a'])
  assert.deepEqual(known(), { a: '10.0.0.1,10.0.0.2' })
  await names.follow(['a'], ['a'])
  assert.deepEqual(known(), { a: '10.0.0.2,10.0.0.1' })
  answers.set('a', dns(found(1, '10.0.0.1', '10.0.0.2')))
  await pass(3_000)
  assert.equal(changes.at(-1), 'a=10.0.0.1,10.0.0.2')
})

test('answers that come together are one change', async t => {
  const { names, answers } = scene(t)
  for (const name of ['a', 'b', 'c']) answers.set(name, dns(found(60, '10.0.0.1')))
  let calls = 0
  const own = new Names({
    onChange: () => calls++,
    onState: () => {},
    lookup: {
      lookup: async name => answers.get(name) ?? dns(NXDOMAIN),
      refresh: async () => () => false,
      useServers: () => {},
      close: () => {},
    },
  })
  t.after(() => own.close())
  await own.follow(['a', 'b', 'c'])
  await turn()
  assert.equal(calls, 1)
  names.close()
})
