/** `npm run bench` by its command line: help, mistakes, and a run that is shown again. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BENCHES } from '../../bench/benches.ts'
import { readCommandLine } from '../../bench/command-line.ts'
import { writeRun } from '../../bench/report/run.ts'
import { folder } from '../control/scene.ts'
import { runWith } from './runs.ts'

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))
const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url))
const run = promisify(execFile)
const bench = (...args: string[]) =>
  run(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args])

/** The request or message for arguments, without a process. */
function read(...words: string[]) {
  let [stdout, stderr] = ['', '']
  const code = readCommandLine(words, {
    writeOut: text => {
      stdout += text
    },
    writeErr: text => {
      stderr += text
    },
  })
  return { code, stdout, stderr }
}

test('help has a line for each bench, and docs/benchmarks.md names them and each option', () => {
  const { code, stdout } = read('--help')
  assert.equal(code, 0)
  for (const { name, about } of BENCHES) assert.match(stdout, new RegExp(`\n {2}${name} +${about}`))
  const options = [...stdout.matchAll(/^ +(?:-h, )?(--[\w-]+)/gm)].map(found => found[1])
  assert.ok(options.length > 5, `${options}`)
  const page = readFileSync(PAGE, 'utf8')
  for (const word of [...options, ...BENCHES.map(({ name }) => name)]) {
    assert.ok(page.includes(`npm run bench -- ${word} `), word)
  }
})

test('what there is not is refused before anything is measured, with exit code 2', async t => {
  const at = folder(t, { 'old.json': '{"format":"weir-bench","version":0}' })
  for (const [words, message] of [
    [['nonsense'], /^error: no bench is called nonsense; the benches are lookup, /],
    [['--nonsense'], /^error: unknown option '--nonsense'/],
    [['--out'], /^error: option '--out <FOLDER>' argument missing/],
    [['--out', join(at, 'old.json', 'run')], /^error: .*run can't be written/],
    [['--compare', join(at, 'none.json')], /^error: no file .*none\.json/],
    [
      ['--compare', join(at, 'old.json')],
      /^error: .*old\.json: a run of version 0; this bench reads version 1 only/,
    ],
  ] as const) {
    const { code, stdout, stderr } = read(...words)
    assert.deepEqual([code, stdout], [2, ''], words.join(' '))
    assert.match(stderr, message)
  }
  await assert.rejects(bench('nonsense'), (error: { code: number; stdout: string; stderr: string }) => {
    assert.deepEqual([error.code, error.stdout], [2, ''])
    assert.match(error.stderr, /^error: no bench is called nonsense; /)
    return true
  })
})

test('a kept run is shown, compared and written again as it was; worse is no failure', async t => {
  const at = folder(t)
  const [before, after] = ['before', 'after'].map(name => join(at, `${name}.json`))
  writeFileSync(before, writeRun(runWith(each => each.record('g', 'a', 'ns', [10, 10, 10]))))
  writeFileSync(after, writeRun(runWith(each => each.record('g', 'a', 'ns', [90, 90, 90]))))
  const { stdout, stderr } = await bench('--show', after, '--compare', before, '--out', join(at, 'again'))
  assert.match(
    stdout,
    /\nx: g\n {2}a {2}90\.0 ns {2}± 0 %\n\nsince .*\n1 figures in both runs: 0 better, 1 worse, /,
  )
  assert.equal(stderr, '')
  assert.equal(readFileSync(join(at, 'again', 'run.json'), 'utf8'), readFileSync(after, 'utf8'))
  assert.match(
    readFileSync(join(at, 'again', 'run.html'), 'utf8'),
    /<h2 id="since-name">Since .*before\.json/,
  )
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
