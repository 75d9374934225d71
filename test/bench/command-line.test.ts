/** `npm run bench` by its command line: help, mistakes, and a run that is shown again. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BENCHES } from '../../bench/benches.ts'
import { writeRun } from '../../bench/report/run.ts'
import { folder } from '../control/scene.ts'
import { runWith } from './runs.ts'

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))
const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url))
const run = promisify(execFile)
const bench = (...args: string[]) =>
  run(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args])

test('help has a line for each bench, and docs/benchmarks.md names them and each option', async () => {
  const { stdout } = await bench('--help')
  for (const { name, about } of BENCHES) assert.match(stdout, new RegExp(`\n {2}${name} +${about}`))
  const options = [...stdout.matchAll(/^ +(?:-h, )?(--[\w-]+)/gm)].map(found => found[1])
  assert.ok(options.length > 6, `${options}`)
  const page = readFileSync(PAGE, 'utf8')
  for (const word of [...options, ...BENCHES.map(({ name }) => name)]) {
    assert.ok(page.includes(`npm run bench -- ${word} `), word)
  }
})

test('what there is not is refused before anything is measured, with exit code 2', async t => {
  const at = folder(t, { 'old.json': '{"format":"weir-bench","version":0}' })
  for (const [words, message] of [
    [['nonsense'], /^error: no bench is called nonsense; there are lookup, /],
    [['--nonsense'], /^error: unknown option '--nonsense'/],
    [['--json'], /^error: option '--json <FILE>' argument missing/],
    [['--json', join(at, 'no', 'run.json')], /^error: .*run\.json can't be written/],
    [['--html', at], /^error: .* is a folder/],
    [['--compare', join(at, 'none.json')], /^error: no file .*none\.json/],
    [
      ['--compare', join(at, 'old.json')],
      /^error: .*old\.json: a run of version 0; this bench reads version 1 only/,
    ],
  ] as const) {
    await assert.rejects(bench(...words), (error: { code: number; stdout: string; stderr: string }) => {
      assert.deepEqual([error.code, error.stdout], [2, ''])
      assert.match(error.stderr, message)
      return true
    })
  }
})

test('a kept run is shown, compared and written again as it was; worse is no failure', async t => {
  const at = folder(t)
  const [before, after, again] = ['before', 'after', 'again'].map(name => join(at, `${name}.json`))
  writeFileSync(before, writeRun(runWith(each => each.record('g', 'a', 'ns', [10, 10, 10]))))
  writeFileSync(after, writeRun(runWith(each => each.record('g', 'a', 'ns', [90, 90, 90]))))
  const { stdout, stderr } = await bench('--show', after, '--compare', before, '--json', again)
  assert.match(
    stdout,
    /\nx: g\n {2}a {2}90\.0 ns {2}± 0 %\n\nsince .*\n1 figures in both runs: 0 better, 1 worse, /,
  )
  assert.equal(stderr, '')
  assert.equal(readFileSync(again, 'utf8'), readFileSync(after, 'utf8'))
})

test('a page for docs has every figure, and each chart beside it', async t => {
  const at = folder(t)
  const [file, page] = [join(at, 'run.json'), join(at, 'page.md')]
  const made = runWith(each => {
    each.record('by size | all', 'small', 'ns', [10, 10, 10])
    each.say('all is <well>')
    each.chart({
      kind: 'bars',
      id: 'sizes',
      title: 'Sizes',
      about: 'how large',
      groups: [{ group: 'by size | all', label: 'all' }],
    })
  })
  writeFileSync(file, writeRun(made))
  await bench('--show', file, '--markdown', page)
  const text = readFileSync(page, 'utf8')
  assert.ok(text.includes('| by size \\| all | median |'))
  assert.ok(text.includes('| small | 10.0 ns | ± 0 % |'))
  assert.ok(text.includes('- all is \\<well\\>'))
  const [, image] = /!\[Sizes\]\((.*)\)/.exec(text) ?? []
  assert.match(readFileSync(join(at, image), 'utf8'), /^<svg .*<\/svg>\s*$/s)
})

test('a run in which a bench failed ends with exit code 1', async t => {
  const file = join(folder(t), 'run.json')
  writeFileSync(file, writeRun(runWith(each => each.fail('two bytes were wrong'))))
  await assert.rejects(bench('--show', file), (error: { code: number; stdout: string }) => {
    assert.equal(error.code, 1)
    assert.match(error.stdout, /\nx failed: two bytes were wrong\n$/)
    return true
  })
})
