/** What a reload did to a rule, from counts of the moments between reloads. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PublishedChanges } from '../../src/control/compile/compare-task.ts'
import { History } from '../../src/control/observe/history.ts'
import { snapshotOf, Timeline } from '../../src/control/observe/timeline.ts'
import type { SeriesName } from '../../src/stats/generations.ts'
import type { Total } from '../../src/stats/series-totals.ts'

const origin = (service: string, route: number) =>
  ({ virtualService: service, block: 'tcp', route, match: null, file: 'a.yaml', line: 7 }) as const

type Counts = Partial<Record<'opened' | 'moved' | 'failed' | 'closed' | 'reset', number>>

function total(service: string, route: number, host: string, counts: Counts): Total<SeriesName> {
  const rule = origin(service, route)
  const destination = { host, subset: null, port: 80 }
  const key = JSON.stringify([rule, destination])
  const name = {
    key,
    rule,
    destination,
    endpoint: null,
    instead: null,
    source: { namespace: null, labels: {} },
  }
  const none = { opened: 0, moved: 0, failed: 0, closed: 0, reset: 0, silent: 0, brief: 0, given: 0 }
  return { ...none, received: 0, sent: 0, lastWallMs: 0, ...counts, name }
}

type Rule = Partial<PublishedChanges['rules'][number]>

const changed = (service: string, route: number, more: Rule = {}): PublishedChanges => ({
  rules: [
    {
      change: 'changed',
      listeners: ['x'],
      rule: origin(service, route),
      was: origin(service, route),
      before: 'old',
      after: 'new',
      ...more,
    },
  ],
  destinations: [],
  more: 0,
})

function scene() {
  let ms = 0
  let totals: Total<SeriesName>[] = []
  const timeline = new Timeline(() => ms)
  return {
    timeline,
    /** `seconds` later there are these counts. */
    later: (seconds: number, ...counts: Total<SeriesName>[]) => {
      ms += seconds * 1000
      totals = counts
    },
    reload: (number: number, changes: PublishedChanges) =>
      timeline.published(number, totals, Promise.resolve(changes)),
    periods: (number: number) => {
      const entry = timeline.entry(number, () => snapshotOf(totals))
      return entry?.rules.map(each => [each.periodBefore, each.periodAfter])[0]
    },
  }
}

test('a rule has the time before and after, and each ends where the next change begins', async () => {
  const { later, reload, periods } = scene()
  later(
    10,
    total('d/a', 0, 'prod', { opened: 80, failed: 1, closed: 40 }),
    total('d/a', 0, 'gray', { opened: 20 }),
  )
  await reload(2, changed('d/a', 0))
  later(
    5,
    total('d/a', 0, 'prod', { opened: 130, failed: 1, closed: 90, reset: 5 }),
    total('d/a', 0, 'gray', { opened: 72, moved: 2, failed: 4 }),
  )
  const before = {
    seconds: 10,
    connections: 100,
    failedDials: 1,
    ended: 40,
    resets: 0,
    shares: [
      { destination: 'prod:80', connections: 80 },
      { destination: 'gray:80', connections: 20 },
    ],
  }
  const after = {
    seconds: 5,
    connections: 100,
    failedDials: 4,
    ended: 48,
    resets: 5,
    shares: [
      { destination: 'prod:80', connections: 50 },
      { destination: 'gray:80', connections: 50 },
    ],
  }
  assert.deepEqual(periods(2), [before, after])
  await reload(3, changed('d/a', 0))
  later(7, total('d/a', 0, 'prod', { opened: 130 }), total('d/a', 0, 'gray', { opened: 82, moved: 2 }))
  assert.deepEqual(periods(2), [before, after])
  assert.deepEqual(periods(3)?.[0], after)
  assert.deepEqual([periods(3)?.[1]?.connections, periods(3)?.[1]?.seconds], [10, 7])
})

test('a change of another VirtualService ends nothing', async () => {
  const { later, reload, periods } = scene()
  await reload(2, changed('d/a', 0))
  later(1, total('d/a', 0, 'x', { opened: 1 }))
  await reload(3, changed('d/ab', 0))
  later(1, total('d/a', 0, 'x', { opened: 3 }))
  assert.deepEqual([periods(2)?.[1]?.connections, periods(2)?.[1]?.seconds], [3, 2])
})

test('a rule that moves is followed by both of its places, and a new one was not there', async () => {
  const { later, reload, periods } = scene()
  later(1, total('d/a', 0, 'x', { opened: 9 }), total('d/a', 1, 'x', { opened: 4 }))
  await reload(2, changed('d/a', 1, { was: origin('d/a', 0) }))
  later(1, total('d/a', 0, 'x', { opened: 9 }), total('d/a', 1, 'x', { opened: 6 }))
  assert.deepEqual([periods(2)?.[0]?.connections, periods(2)?.[1]?.connections], [9, 2])
  await reload(3, changed('d/a', 2, { was: null, before: null, change: 'added' }))
  assert.equal(periods(3)?.[0], null)
})

test('destinations are followed, too, and old reloads are forgotten', async () => {
  const { timeline, later, reload } = scene()
  const destination = { destination: 'x:80', change: 'changed', before: '1', after: '2', policy: [] } as const
  later(1, total('d/a', 0, 'x', { opened: 9 }), total('d/b', 0, 'x', { opened: 1 }))
  await reload(2, { rules: [], destinations: [destination], more: 0 })
  const entry = timeline.entry(2, () => snapshotOf([total('d/b', 0, 'x', { opened: 5 })]))
  assert.deepEqual(
    entry?.destinations.map(each => [each.periodBefore?.connections, each.periodAfter?.connections]),
    [[10, 0]],
  )
  timeline.forget(3)
  assert.equal(
    timeline.entry(2, () => snapshotOf([])),
    null,
  )
})

test('a group has the counts of all that its name begins, whatever else begins like it', async () => {
  const { later, reload, periods } = scene()
  later(1, total('TCPRoute d/a', 0, 'x', { opened: 1 }), total('TCPRoute d/ab', 0, 'x', { opened: 2 }))
  await reload(2, changed('TCPRoute d/a', 0))
  later(1, total('TCPRoute d/a', 0, 'x', { opened: 5 }), total('TCPRoute d/ab', 0, 'x', { opened: 9 }))
  await reload(3, changed('TCPRoute d/a', 0))
  assert.deepEqual([periods(2)?.[1]?.connections, periods(3)?.[0]?.connections], [4, 4])
})

const TRIES = 20
/** For each figure, since some machines count CPU time in ticks of 10 ms. */
const ROUNDS = 10

test('a hundred changed rules cost the main thread hardly more than one', async () => {
  const totals = Array.from({ length: 4_000 }, (_, index) => total(`d/a-${index}`, 0, 'x', { opened: 1 }))
  const changes = (count: number): PublishedChanges => {
    const rules = Array.from({ length: count }, (_, index) => changed(`d/a-${index}`, 0).rules).flat()
    return { rules, destinations: [], more: 0 }
  }
  const cpuOf = async (count: number): Promise<number> => {
    const published = Promise.resolve(changes(count))
    const before = process.threadCpuUsage()
    for (let round = 0; round < ROUNDS; round++) await new Timeline().published(1, totals, published)
    const { user, system } = process.threadCpuUsage(before)
    return user + system
  }
  let [one, hundred] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let tried = 0; tried < TRIES && !(hundred < 3 * one && tried > 2); tried++) {
    one = Math.min(one, await cpuOf(1))
    hundred = Math.min(hundred, await cpuOf(100))
  }
  assert.ok(hundred < 3 * one, `${hundred} µs for 100, ${one} µs for one`)
})

test('reloads are shown by one look at the counts, however many of them go on', async () => {
  const history = new History()
  let looks = 0
  const totals = [total('d/a', 0, 'x', { opened: 3 }), total('d/b', 0, 'x', { opened: 4 })]
  const { name } = totals[0]
  Object.defineProperty(totals[0], 'name', {
    get: () => {
      looks++
      return name
    },
  })
  for (const [index, service] of ['d/a', 'd/b'].entries()) {
    history.addNote('failed', 1, '')
    await history.timeline.published(index + 1, [], Promise.resolve(changed(service, 0)))
  }
  const shown = history.shown(2, () => totals)
  assert.deepEqual(
    shown.map(({ did }) => did?.rules[0].periodAfter?.connections),
    [4, 3],
  )
  assert.equal(looks, 1)
})
