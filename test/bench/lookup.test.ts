/**
 * The benches in small: they run, and all who answer the same question agree. Never how fast they
 * are.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Bench, type Result } from '../../bench/harness.ts'
import { benchLookup } from '../../bench/lookup.ts'
import { type Run, readRun } from '../../bench/report/run.ts'
import { type Contender, mix } from '../../bench/rivals.ts'
import { folder } from '../control/scene.ts'
import { fullOnly } from '../support/full.ts'

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
if (fullOnly === false) benchLookup(lookup)

test('lookup measures each part, and rivals agree', { skip: fullOnly }, () => {
  const rivals = new Set(lookup.results.filter(each => each.unit === 'ns').map(each => each.name))
  for (const name of ['weir', 'binary search over ranges', 'one rule after another', 'p99.9']) {
    assert.ok(rivals.has(name), name)
  }
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

const checksums = (results: readonly Pick<Result, 'group' | 'name' | 'checksum'>[]) =>
  results.map(each => [each.group, each.name, each.checksum])

test('the command runs by name, does the same work each time, writes JSON and compares with it', {
  skip: fullOnly,
}, async t => {
  const out = join(folder(t), 'first')
  const file = join(out, 'run.json')
  const bench = (...args: string[]) =>
    run(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args])
  const first = await bench('lookup', '--quick', '--out', out)
  assert.match(first.stdout, /^measured .*\nkernel [\s\S]*\nlookup: 10 rules, realistic rules\n/)
  assert.match(first.stderr, /^\[1\/1\] lookup: \d+ figures in \d+ s\n$/)
  const kept = readRun(readFileSync(file, 'utf8')) as Run
  assert.deepEqual(checksums(kept.benches[0].figures), checksums(lookup.results))
  const second = await bench('lookup', '--quick', '--compare', file, '--out', join(folder(t), 'second'))
  assert.match(
    second.stdout,
    /\nsince .*\ncareful: both runs are in small .*\n\d+ figures in both runs: \d+ better, \d+ worse, /,
  )
})
