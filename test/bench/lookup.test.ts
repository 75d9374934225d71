/** The benches in small: they run, and all who answer the same question agree. Never how fast they are. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Bench, type Contender, mix, type Result } from '../../bench/harness.ts'
import { benchLookup } from '../../bench/lookup.ts'
import { comparisonText, resultsText } from '../../bench/report.ts'
import { change, summarise, verdict } from '../../bench/statistics.ts'
import { folder } from '../control/scene.ts'

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))
const run = promisify(execFile)

const small = (onGroup: (group: string) => void = () => {}) =>
  new Bench({ name: 'x', scale: 'small', onGroup })

const counting = (name: string, step: number): Contender => ({
  name,
  run: count => {
    let checksum = 0
    for (let index = 0; index < count; index++) checksum = mix(checksum, index * step)
    return checksum
  },
})

const groups: string[] = []
const lookup = small(group => groups.push(group))
benchLookup(lookup)

test('lookup measures each part, and rivals agree', () => {
  const rivals = new Set(lookup.results.filter(each => each.unit === 'ns').map(each => each.name))
  for (const name of [
    'weir',
    'poptrie',
    'binary search over ranges',
    'longest-prefix-match (npm)',
    'p99.9',
  ]) {
    assert.ok(rivals.has(name), name)
  }
  assert.ok(rivals.has('ipaddr.js, one prefix after another') && rivals.has('one rule after another'))
  for (const part of [/rules, wildcards/, /^IPv4, .* prefixes/, /^IPv6, .* prefixes/]) {
    assert.ok(
      groups.some(group => part.test(group)),
      String(part),
    )
  }
  for (const { name, rounds } of lookup.results) {
    assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), name)
  }
})

test('rivals that disagree end the run', () => {
  assert.throws(
    () => small().compare('counting', 10, [counting('a', 1), counting('b', 2)]),
    /counting: b and a disagree/,
  )
  small().compare('counting', 10, [counting('a', 1), { ...counting('b', 2), answersOwn: true }])
})

test('a goal is met or missed only where the rounds say so', () => {
  assert.equal(verdict(summarise([1, 2, 3]), 3), 'met')
  assert.equal(verdict(summarise([4, 5, 6]), 3), 'missed')
  assert.equal(verdict(summarise([1, 2, 9]), 3), 'unclear')
  assert.deepEqual(summarise([5, 1, 3]), { least: 1, low: 2, median: 3, high: 4, most: 5, spread: 1 / 3 })
})

test('two runs differ where their rounds lie apart', () => {
  const [slow, quick] = [summarise([10, 11, 12]), summarise([7, 8, 8])]
  assert.equal(change(slow, quick), 'better')
  assert.equal(change(quick, slow), 'worse')
  assert.equal(change(slow, summarise([9, 11, 13])), 'same')
})

const figure = (name: string, rounds: readonly number[]): Result => ({
  bench: 'x',
  group: 'g',
  name,
  unit: 'ns',
  rounds,
  goal: 20,
  beside: null,
  checksum: null,
})

test('a report claims nothing where the spread is wide, and compares what both runs have', () => {
  assert.match(resultsText([figure('a', [1, 10, 100])]), /a .* spread too wide/)
  assert.doesNotMatch(resultsText([figure('a', [10, 10, 11])]), /too wide/)
  const machine = { processor: 'p' }
  const before = { machine, results: [figure('a', [10, 11]), figure('gone', [1])] }
  const after = { machine, results: [figure('a', [20, 21]), figure('new', [1])] }
  assert.match(
    comparisonText(before, after),
    /^1 figures in both runs, 1 differ beyond the noise\nworse {2}x: g: a: /,
  )
})

const checksums = (results: readonly Result[]) => results.map(each => [each.group, each.name, each.checksum])

test('the command runs by name, does the same work each time, writes JSON and compares with it', async t => {
  const file = join(folder(t), 'run.json')
  const bench = (...args: string[]) => run(process.execPath, [MAIN, ...args])
  const first = await bench('lookup', '--quick', '--json', file)
  assert.match(first.stdout, /^measured .*\nkernel [\s\S]*\nlookup: 10 rules, realistic rules\n/)
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as { results: readonly Result[] }
  assert.deepEqual(checksums(results), checksums(lookup.results))
  const second = await bench('lookup', '--quick', '--compare', file)
  assert.match(second.stdout, /\nsince .*\n\d+ figures in both runs, /)
  await assert.rejects(bench('nonsense'), {
    code: 2,
    stderr: /no bench is called nonsense\nusage: .*\nnames: lookup/,
  })
})
