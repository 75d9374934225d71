/** The output of a run, its files, and the comparison with an earlier one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bench } from '../../bench/harness.ts'
import { measureBench } from '../../bench/measure.ts'
import { compareRuns, summaryOf } from '../../bench/report/compare.ts'
import { Progress } from '../../bench/report/progress.ts'
import { readRun, writeRun } from '../../bench/report/run.ts'
import { answersText, benchText, comparisonText, plain } from '../../bench/report/text.ts'
import { MACHINE, runWith } from './runs.ts'

const textOf = (run: ReturnType<typeof runWith>): string => benchText(run.benches[0], plain)

test('a table says what a goal came to, and claims nothing where the spread is wide', () => {
  const text = textOf(
    runWith(bench => {
      bench.record('g', 'near', 'ns', [10, 10, 11], 20)
      bench.record('g', 'far away', 'ns', [5, 10, 100], 20)
      bench.record('g', 'once', 'ns', 7)
      bench.record('rates', 'r', 'perSecond', [2000, 2001, 2002], 3000)
      bench.say('seven is less than ten')
    }),
  )
  assert.equal(
    text,
    [
      'x: g',
      '  near      10.0 ns  ± 3 %                goal 20.0 ns: met',
      '  far away  10.0 ns  (7.50 ns … 55.0 ns)  goal 20.0 ns: spread too wide',
      '  once      7.00 ns',
      '',
      'x: rates',
      '  r  2 001 /s  ± 0 %  goal 3 000 /s: missed',
      '',
      'x: seven is less than ten',
    ].join('\n'),
  )
})

test('a bench that fails keeps what it had found, and says so', async () => {
  const lines: string[] = []
  const progress = new Progress({ write: text => lines.push(text) }, 1)
  const run = (bench: Bench): void => {
    bench.record('g', 'a', 'ns', 1)
    throw new Error('a rival disagrees')
  }
  const found = await measureBench({ name: 'x', about: '', run }, { scale: 'small' }, progress)
  assert.equal(benchText(found, plain), 'x: g\n  a  1.00 ns\n\nx failed: ended early: a rival disagrees')
  assert.match(lines.join(''), /^\[1\/1\] x: 1 figures, and failures, in 0 s\n$/)
})

test('what answers a run stands before its figures, and runs without it are read, too', () => {
  const run = runWith(bench => {
    bench.record('g', 'a', 'ns', [1, 2, 3])
    bench.answer('it costs 3 ns')
  })
  assert.equal(answersText(run, plain), 'it costs 3 ns')
  const [{ answers, ...bench }] = run.benches
  assert.deepEqual(answers, ['it costs 3 ns'])
  const older = readRun(writeRun({ ...run, benches: [bench] }))
  assert.ok(typeof older !== 'string')
  assert.equal(answersText(older, plain), '')
})

test('a run that is written is read as it was', () => {
  const run = runWith(bench => {
    bench.record('g', 'a', 'ns', [1, 2, 3])
    bench.record('g', 'around nothing', 'ns', [-1, 0, 1])
  })
  assert.deepEqual(readRun(writeRun(run)), run)
})

for (const [what, text, why] of [
  [
    'of a later version',
    '{"format":"weir-bench","version":2}',
    /^a run of version 2; this bench reads version 1 only/,
  ],
  [
    'from before versions',
    '{"machine":{},"results":[]}',
    /^not a run of weir's benches: its format is not there/,
  ],
  ['that is no JSON', '{', /^not JSON: /],
  [
    'that is cut',
    '{"format":"weir-bench","version":1,"benches":[{"figures":[{"unit":"ns"}]}]}',
    /parts missing/,
  ],
] as const) {
  test(`a document ${what} is refused by name`, () => {
    const found = readRun(text)
    assert.ok(typeof found === 'string')
    assert.match(found, why)
  })
}

const BEFORE = runWith(bench => {
  bench.record('g', 'slower', 'ns', [100, 101, 99])
  bench.record('g', 'much slower', 'ns', [10, 10, 11])
  bench.record('g', 'quicker', 'ms', [30, 31, 30])
  bench.record('g', 'rate', 'perSecond', [1000, 1001, 1002])
  bench.record('g', 'same', 'ns', [100, 110, 120])
  bench.record('g', 'noise', 'ns', [50, 100, 200])
  bench.record('g', 'busy', 'times', [0.4, 0.4, 0.4], null, { better: 'neither' })
  bench.record('g', 'size', 'bytes', 100)
  bench.record('g', 'once', 'ms', 100)
  bench.record('g', 'unit', 'ms', [1, 1, 1])
  bench.record('g', 'gone', 'ns', [1, 1, 1])
})
const AFTER = runWith(
  bench => {
    bench.record('g', 'slower', 'ns', [150, 151, 149])
    bench.record('g', 'much slower', 'ns', [30, 31, 30])
    bench.record('g', 'quicker', 'ms', [10, 10, 10])
    bench.record('g', 'rate', 'perSecond', [500, 501, 502])
    bench.record('g', 'same', 'ns', [110, 105, 125])
    bench.record('g', 'noise', 'ns', [60, 150, 210])
    bench.record('g', 'busy', 'times', [0.9, 0.9, 0.9], null, { better: 'neither' })
    bench.record('g', 'size', 'bytes', 200)
    bench.record('g', 'once', 'ms', 300)
    bench.record('g', 'unit', 'ns', [1, 1, 1])
    bench.record('g', 'new', 'ns', [1, 1, 1])
  },
  { ...MACHINE, kernel: 'Linux 7.0.0', measured: 'later', load: [5, 5, 5] },
  true,
)

test('two runs are compared figure by figure, the worst first', () => {
  const comparison = compareRuns(BEFORE, AFTER)
  assert.deepEqual(
    comparison.changes.map(({ after, verdict }) => [after.name, verdict]),
    [
      ['much slower', 'worse'],
      ['size', 'worse'],
      ['rate', 'worse'],
      ['slower', 'worse'],
      ['quicker', 'better'],
      ['busy', 'different'],
      ['noise', 'same'],
      ['same', 'same'],
    ],
  )
  assert.deepEqual(comparison.incomparable, [
    { axis: 'x: g: once', why: 'taken only once' },
    { axis: 'x: g: unit', why: 'another unit: ms then, ns now' },
    { axis: 'x: g: new', why: 'only in this run' },
    { axis: 'x: g: gone', why: 'only in the earlier run' },
  ])
  assert.equal(
    summaryOf(comparison),
    '8 figures in both runs: 1 better, 4 worse, 1 different, 2 the same within the noise; 4 can’t be compared',
  )
})

test('a comparison in words warns of another machine and of another size, and says its method', () => {
  const text = comparisonText(compareRuns(BEFORE, AFTER), plain)
  assert.match(
    text,
    /^careful: another kernel: Linux 6\.18\.0 then, Linux 7\.0\.0 now\ncareful: another size: .*\n8 figures/,
  )
  assert.match(text, /95 % interval of the ratio of medians \(bootstrap/)
  assert.match(text, /\n {2}worse +\+200 % +\(\+\d+ % to \+\d+ %\) +10\.0 ns → 30\.0 ns +x: g: much slower\n/)
  assert.match(text, /not compared, only in the earlier run: x: g: gone/)
})

test('two runs in small are compared with a warning', () => {
  assert.match(comparisonText(compareRuns(AFTER, AFTER), plain), /^careful: both runs are in small/)
})

test('a run beside itself has nothing better or worse', () => {
  const { changes } = compareRuns(BEFORE, BEFORE)
  assert.ok(changes.length > 0 && changes.every(({ verdict }) => verdict === 'same'))
})

test('figures of other work are not compared', () => {
  const counting = (step: number) =>
    runWith(bench => bench.compare('g', 3, [{ name: 'a', run: count => count * step }]))
  assert.match(compareRuns(counting(1), counting(2)).incomparable[0].why, /^other work/)
})

test('progress is one line on a terminal, never wider than it, and elsewhere a line for each bench', () => {
  let written = ''
  const write = (text: string): void => {
    written += text
  }
  const report = (progress: Progress): void => {
    progress.bench('engines')
    progress.group('a group with a name that is longer than the terminal is wide')
    progress.round(2, 5)
    progress.end('3 figures')
  }
  report(new Progress({ write, isTTY: true, columns: 50 }, 9))
  const lines = written.split('\r\u001b[2K')
  assert.equal(lines.at(-2), '[1/9] engines: a group with a na…: round 2 of 5 …')
  assert.match(lines.at(-1) ?? '', /^\[1\/9\] engines: 3 figures in 0 s\n$/)
  assert.ok(lines.every(line => line.length < 50))
  written = ''
  report(new Progress({ write }, 9))
  assert.equal(written, '[1/9] engines: 3 figures in 0 s\n')
})
