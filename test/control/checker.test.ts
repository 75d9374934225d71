/**
 * When endpoints are checked, and what a check leaves for workers to see. Method: the checker
 * alone, with servers or in a world whose time the test moves.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readHealthCheck } from '../../src/config/plan/health-check.ts'
import { Checker } from '../../src/control/health/checker.ts'
import { type HealthWorld, realHealthWorld } from '../../src/control/health/health-world.ts'
import { Warmups } from '../../src/control/health/warmups.ts'
import { isHeld, leftMs, noteFailure } from '../../src/stats/backoffs.ts'
import { Mark, noteLastError } from '../../src/stats/endpoint-marks.ts'
import { createStats, openStats, type Stats } from '../../src/stats/stats.ts'
import { until } from '../support/sockets.ts'
import { serving } from './scene.ts'

const HOST = '127.0.0.1'

/** A checker, and the words that it writes for workers. */
function checking(world: HealthWorld) {
  const log = { warn: () => {}, info: () => {} } as unknown as ConstructorParameters<typeof Checker>[0]['log']
  const stats = openStats(createStats(1))
  const warmups = new Warmups(stats, () => 0)
  const checker = new Checker({ stats, log, world, warmups, onClose: () => {}, onPassed: () => {} })
  return { checker, stats }
}

test('while checks fail no connection tries an endpoint whose connects fail; when it is up all may', async t => {
  let answer = ''
  const server = await serving(t, socket => socket.on('data', () => answer && socket.write(answer)))
  const world = realHealthWorld()
  const { checker, stats } = checking(world)
  t.after(() => checker.close())
  const check = readHealthCheck('redis;interval=1s;timeout=100ms;rise=1;fall=2')
  assert.ok(check)
  const text = `${HOST}:${server.port}`
  const [slot, untouched] = [1, 2]
  noteFailure(stats.backoffs, slot, world.nowMs() - 2_000, false)
  const noted = stats.backoffs[slot]
  const overMs = world.nowMs()
  assert.equal(leftMs(noted, overMs), 0)
  checker.follow([
    { address: HOST, port: server.port, text, slot, check },
    { address: HOST, port: server.port, text: 'other', slot: untouched, check },
  ])
  await until(() => checker.stateOf(text)?.isUp === false && checker.stateOf('other')?.isUp === false)
  const held = stats.backoffs[slot]
  assert.ok(held !== 0 && leftMs(held, overMs) > 0, 'it is held back for longer')
  assert.equal(stats.backoffs[untouched], 0, 'no connect to it has failed')
  answer = '+PONG\r\n'
  await until(() => checker.stateOf(text)?.isUp === true)
  assert.equal(stats.backoffs[slot], 0)
})

/** When checks begin that take `tookMs` and end with what `verdictAt` says, up to a time. */
function checksUntil(
  endMs: number,
  tookMs: number,
  verdictAt: (nowMs: number) => string | null,
  annotation: string,
  happens: { readonly atMs: number; readonly run: (stats: Stats, nowMs: number) => void }[] = [],
): number[] {
  const began: number[] = []
  let nowMs = 1_000_000
  const startMs = nowMs
  const due: { atMs: number; run: () => void }[] = []
  const after = (ms: number, run: () => void) => {
    due.push({ atMs: nowMs + ms, run })
    return () => {}
  }
  const world: HealthWorld = {
    nowMs: () => nowMs,
    after,
    every: (ms, run) => {
      const again = () => {
        run()
        after(ms, again)
      }
      return after(ms, again)
    },
    chance: () => 0.5, // no jitter
    probe: (_place, _check, done) => {
      began.push(nowMs - startMs)
      return after(tookMs, () => done(verdictAt(nowMs - startMs)))
    },
  }
  const { checker, stats } = checking(world)
  for (const { atMs, run } of happens) due.push({ atMs: startMs + atMs, run: () => run(stats, nowMs) })
  const check = readHealthCheck(annotation)
  assert.ok(check)
  checker.follow([{ address: HOST, port: 1, text: 'one', slot: 1, check }])
  for (;;) {
    due.sort((a, b) => a.atMs - b.atMs)
    const next = due.shift()
    if (!next || next.atMs > startMs + endMs) return began
    nowMs = next.atMs
    next.run()
  }
}

test('a check that fails leaves a doubt until one succeeds, or until the endpoint is down', async t => {
  let answer = ''
  const server = await serving(t, socket => socket.on('data', () => socket.end(answer)))
  const { checker, stats } = checking(realHealthWorld())
  t.after(() => checker.close())
  const checked = (text: string, slot: number, fall: number) => {
    const check = readHealthCheck(`redis;interval=100ms;timeout=100ms;rise=1;fall=${fall}`)
    assert.ok(check)
    return { address: HOST, port: server.port, text, slot, check }
  }
  checker.follow([checked('slow', 1, 100), checked('quick', 2, 1), checked('gone', 3, 100)])
  await until(() => checker.stateOf('quick')?.isUp === false && stats.marks[1] + stats.marks[3] > 15)
  assert.deepEqual([...stats.marks.subarray(1, 4)], [Mark.doubted, Mark.down, Mark.doubted])
  checker.follow([checked('slow', 1, 100), checked('quick', 2, 1)])
  assert.equal(stats.marks[3], 0, 'nobody checks it any more')
  answer = '+PONG\r\n'
  await until(() => stats.marks[1] + stats.marks[2] === 0)
  assert.equal(checker.stateOf('slow')?.isUp, true)
})

const gaps = (times: readonly number[]) => times.slice(1).map((time, index) => time - times[index])

test('checks are quick in doubt and for ten intervals after an endpoint went down', () => {
  const check = 'tcp;interval=1s;timeout=1s;rise=2;fall=2'
  const [well, doubts, down, later] = [[1000, 1000], [250], Array(40).fill(250), [1000, 1000]]
  const dies = checksUntil(15_100, 0, nowMs => (nowMs < 2_500 ? null : 'ECONNREFUSED'), check)
  assert.deepEqual(gaps(dies), [...well, ...doubts, ...down, ...later].slice(0, dies.length - 1))
  const isBack = checksUntil(20_000, 0, nowMs => (nowMs < 17_900 ? 'ECONNREFUSED' : null), check)
  assert.deepEqual(gaps(isBack).slice(-3), [1000, 250, 1000], 'one that succeeds is a doubt, too')
})

test('an interval is from the beginning of a check: after one that timed out the next begins at once', () => {
  const check = 'tcp;interval=1s;timeout=1s;rise=1;fall=2'
  assert.deepEqual(gaps(checksUntil(5_000, 1000, () => 'timeout', check)), [1000, 1000, 1000, 1000])
  assert.deepEqual(gaps(checksUntil(5_000, 300, () => null, check)), [1000, 1000, 1000, 1000])
})

test('a connect that fails brings the next check forward, and no client tries the endpoint before its end', () => {
  const check = 'tcp;interval=10s;timeout=1s;rise=1;fall=2'
  const held: boolean[] = []
  const fails = (stats: Stats, nowMs: number): void => {
    noteLastError(stats.lastErrors, 1, 111, nowMs)
    noteFailure(stats.backoffs, 1, nowMs, false)
  }
  const looks = (stats: Stats, nowMs: number): unknown => held.push(isHeld(stats.backoffs[1], nowMs))
  const at = (atMs: number, run: (stats: Stats, nowMs: number) => unknown) => ({ atMs, run })
  // The first begins after 5 s. Another one is no sooner than a second after that.
  const well = checksUntil(9_000, 800, () => null, check, [
    at(5_850, fails),
    at(6_750, looks),
    at(6_850, looks),
  ])
  assert.deepEqual(well, [5_000, 6_000])
  assert.deepEqual(held.splice(0), [true, false], 'released by a check that has succeeded')
  const later = checksUntil(14_000, 800, () => null, check, [at(8_050, fails)])
  assert.deepEqual(later, [5_000, 8_100])
  const often = 'tcp;interval=2s;timeout=1s;rise=1;fall=2'
  assert.deepEqual(
    checksUntil(2_500, 100, () => null, often, [at(1_150, fails)]),
    [1_000, 1_500],
  )
  const ill = [at(5_850, fails), at(6_850, looks), at(9_250, looks)]
  const dies = checksUntil(9_300, 800, nowMs => (nowMs < 5_900 ? null : 'timeout'), check, ill)
  assert.deepEqual(dies, [5_000, 6_000, 8_500])
  assert.deepEqual(held, [true, true])
})

test('of a thousand endpoints that time out each is checked as often as any other', () => {
  const due = new Map<number, (() => void)[]>()
  const checks = new Map<string, number>()
  let [nowMs, running, most, timers] = [0, 0, 0, 0]
  const after = (ms: number, run: () => void) => {
    timers++
    let isOff = false
    due.getOrInsertComputed(Math.ceil(nowMs + ms), () => []).push(() => isOff || run())
    return () => {
      isOff = true
    }
  }
  const world: HealthWorld = {
    nowMs: () => nowMs,
    after,
    every: () => () => {},
    chance: () => 0.5, // all are due at the same moment
    probe: ({ port }, { timeoutMs }, done) => {
      const text = String(port)
      checks.set(text, (checks.get(text) ?? 0) + 1)
      most = Math.max(most, ++running)
      const end = (): void => {
        running--
      }
      const stop = after(timeoutMs, () => {
        end()
        done('timeout')
      })
      return () => {
        stop()
        end()
      }
    },
  }
  const { checker } = checking(world)
  const check = readHealthCheck('tcp;interval=1s;timeout=1s')
  assert.ok(check)
  const all = Array.from({ length: 1000 }, (_, port) => {
    return { address: HOST, port, text: String(port), slot: port + 1, check }
  })
  const pass = (ms: number): void => {
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs++) for (const run of due.get(nowMs) ?? []) run()
  }
  checker.follow(all)
  pass(16_000)
  const times = [...checks.values()]
  assert.equal(times.length, 1000)
  assert.ok(Math.max(...times) - Math.min(...times) <= 1, `${Math.min(...times)} to ${Math.max(...times)}`)
  assert.equal(most, 256)
  assert.ok(timers < 3 * times.reduce((sum, each) => sum + each), `${timers} timers`)
  checker.follow(all.slice(0, 300))
  assert.equal(running, 256, 'turns of those that are gone are given to others')
  checks.clear()
  pass(4_000)
  assert.deepEqual(
    checks
      .keys()
      .toArray()
      .map(Number)
      .sort((a, b) => a - b),
    all.slice(0, 300).map(({ port }) => port),
  )
  checker.close()
  assert.equal(running, 0)
  pass(4_000)
  assert.equal(running, 0)
})

test('changes that come while a check goes on do not begin it anew', async t => {
  const silent = await serving(t, () => {})
  const { checker } = checking(realHealthWorld())
  t.after(() => checker.close())
  const check = readHealthCheck('redis;interval=400ms;timeout=400ms;fall=1')
  assert.ok(check)
  const text = `${HOST}:${silent.port}`
  const endpoint = { address: HOST, port: silent.port, text, slot: 1, check }
  await until(() => {
    checker.follow([{ ...endpoint }])
    return checker.stateOf(text)?.isUp === false
  })
})
