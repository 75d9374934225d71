/**
 * `npm run bench`: runs benches, prints their figures, and writes run.json and run.html to a
 * folder.
 *
 * Options: command-line.ts. The benches: benches.ts. How they measure: harness.ts.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { styleText } from 'node:util'
import { type Asked, readCommandLine } from './command-line.ts'
import { machine } from './machine.ts'
import { measureBench } from './measure.ts'
import { type Comparison, compareRuns } from './report/compare.ts'
import { Progress } from './report/progress.ts'
import { type BenchRun, type Run, runOf, writeRun } from './report/run.ts'
import { answersText, benchText, comparisonText, machineText, type Paint } from './report/text.ts'

const asked = readCommandLine(process.argv.slice(2))
if (typeof asked === 'number') process.exitCode = asked
else await main(asked)

async function main(asked: Asked): Promise<void> {
  const run = asked.show ? show(asked.show) : await measure(asked)
  const answers = answersText(run, paint)
  if (answers !== '') console.log(`\n${answers}`)
  const comparison = asked.compare ? compareRuns(asked.compare.run, run) : null
  if (comparison) console.log(`\nsince ${asked.compare?.file}:\n${comparisonText(comparison, paint)}`)
  if (asked.out !== null) await write(asked.out, run, asked.compare, comparison)
  if (run.benches.some(({ failures }) => failures.length > 0)) process.exitCode = 1
}

async function measure({ rows, isQuick, choices }: Asked): Promise<Run> {
  const facts = machine()
  console.log(machineText(facts, paint))
  const progress = new Progress(process.stderr, rows.length)
  const benches: BenchRun[] = []
  for (const row of rows) {
    const found = await measureBench(row, { scale: isQuick ? 'small' : 'large', choices }, progress)
    console.log(`\n${benchText(found, paint)}`)
    benches.push(found)
  }
  return runOf(facts, { names: rows.map(({ name }) => name), isQuick }, benches)
}

/** The drawing code is loaded only now: it takes no memory while anything is measured. */
async function write(
  folder: string,
  run: Run,
  compare: Asked['compare'],
  comparison: Comparison | null,
): Promise<void> {
  const { pageOf } = await import('./report/page.ts')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'run.json'), writeRun(run))
  const against = compare && comparison ? { file: compare.file, comparison } : null
  writeFileSync(join(folder, 'run.html'), pageOf(run, against))
  console.log(`\nwritten to ${relative('', folder)}: run.html, run.json`)
}

function show(run: Run): Run {
  console.log(machineText(run.machine, paint))
  for (const bench of run.benches) console.log(`\n${benchText(bench, paint)}`)
  return run
}

/** Colours only on a terminal, unless NO_COLOR is set. */
function paint(...[style, text]: Parameters<Paint>): string {
  return styleText(style, text, { stream: process.stdout })
}
