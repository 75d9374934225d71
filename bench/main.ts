/**
 * `npm run bench -- [NAME…] [--quick] [--json FILE] [--compare FILE]`: runs benches and prints what they found.
 *
 * A new bench is one more row in BENCHES.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { monotonicMs } from '../src/base/clock.ts'
import { benchCompile } from './compile.ts'
import { benchEngines } from './engines.ts'
import { Bench } from './harness.ts'
import { benchLookup } from './lookup.ts'
import { machine } from './machine.ts'
import { benchObserve } from './observe.ts'
import { comparisonText, machineText, type Report, resultsText } from './report.ts'

const BENCHES: Readonly<Record<string, (bench: Bench) => void | Promise<void>>> = {
  lookup: benchLookup,
  compile: benchCompile,
  engines: benchEngines,
  observe: benchObserve,
}

const USAGE = `usage: npm run bench -- [NAME…] [--quick] [--json FILE] [--compare FILE]
names: ${Object.keys(BENCHES).join(', ')}; without a name all of them`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    json: { type: 'string' },
    compare: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const mistakes = [
  ...positionals.filter(name => !Object.hasOwn(BENCHES, name)).map(name => `no bench is called ${name}`),
  ...[values.compare].filter(file => file !== undefined && !existsSync(file)).map(file => `no file ${file}`),
]

if (values.help) console.log(USAGE)
else if (mistakes.length > 0) {
  console.error([...mistakes, USAGE].join('\n'))
  process.exitCode = 2
} else await main()

async function main(): Promise<void> {
  const before = values.compare === undefined ? null : readReport(values.compare)
  const facts = machine()
  console.log(machineText(facts))
  const results = []
  for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
    const startedMs = monotonicMs()
    const onGroup = (group: string): void =>
      console.error(`${((monotonicMs() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${name}: ${group}`)
    const bench = new Bench({ name, scale: values.quick ? 'small' : 'large', onGroup })
    await BENCHES[name](bench)
    console.log(`\n${resultsText(bench.results)}`)
    results.push(...bench.results)
  }
  const report: Report = { machine: facts, results }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
  if (before !== null) console.log(`\nsince ${values.compare}:\n${comparisonText(before, report)}`)
}

/** An earlier run, read before anything is measured, so that a wrong name shows at once. */
function readReport(file: string): Report {
  return JSON.parse(readFileSync(file, 'utf8')) as Report
}
