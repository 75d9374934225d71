/**
 * `npm run bench -- [NAME…] [--quick] [--engine NAME] [--json FILE] [--compare FILE]`: runs benches and prints what they found.
 *
 * A new bench is one more row in BENCHES.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { monotonicMs } from '../src/base/clock.ts'
import { benchCompile } from './compile.ts'
import { benchConnections } from './connections.ts'
import { benchEngines } from './engines.ts'
import { Bench } from './harness.ts'
import { benchLookup } from './lookup.ts'
import { machine } from './machine.ts'
import { benchMemory } from './memory.ts'
import { benchReload } from './reload.ts'
import { comparisonText, machineText, type Report, resultsText } from './report.ts'
import { benchSoak } from './soak.ts'
import { benchWeighting } from './weighting.ts'

const BENCHES: Readonly<Record<string, (bench: Bench) => void | Promise<void>>> = {
  lookup: benchLookup,
  compile: benchCompile,
  engines: benchEngines,
  weighting: benchWeighting,
  connections: benchConnections,
  reload: benchReload,
  memory: benchMemory,
  soak: benchSoak,
}

/** Takes minutes, and measures nothing that could be quicker: it runs by name. */
const BY_NAME = ['soak']
const ENGINES = ['uring', 'node'] as const

const USAGE = `usage: npm run bench -- [NAME…] [--quick] [--engine NAME] [--json FILE] [--compare FILE]
names: ${Object.keys(BENCHES).join(', ')}; without a name all of them but ${BY_NAME.join(', ')}
engines, of weir where a bench runs one: ${ENGINES.join(', ')}
engines: --second-opinion asks iperf3 and wrk too, where they are installed
soak: --connections N short ones, --held N that stay meanwhile`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    engine: { type: 'string' },
    'second-opinion': { type: 'boolean' },
    connections: { type: 'string' },
    held: { type: 'string' },
    json: { type: 'string' },
    compare: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const engine = ENGINES.find(each => each === values.engine)
const counts = numbersOf({ connections: values.connections, held: values.held })
const secondOpinion = values['second-opinion'] === true
const choices = { ...(engine ? { engine } : {}), secondOpinion, ...counts }
const mistakes = [
  ...Object.entries(counts)
    .filter(([, count]) => !Number.isInteger(count) || count < 1)
    .map(([name]) => `--${name} takes a whole number`),
  ...(values.engine !== undefined && !engine ? [`no engine is called ${values.engine}`] : []),
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
  const usual = Object.keys(BENCHES).filter(name => !BY_NAME.includes(name))
  for (const name of positionals.length > 0 ? positionals : usual) {
    const startedMs = monotonicMs()
    const onGroup = (group: string): void =>
      console.error(`${((monotonicMs() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${name}: ${group}`)
    const bench = new Bench({
      name,
      scale: values.quick ? 'small' : 'large',
      onGroup,
      choices,
    })
    await BENCHES[name](bench)
    console.log(`\n${[resultsText(bench.results), ...bench.statements].join('\n')}`)
    for (const failure of bench.failures) console.error(`failed: ${failure}`)
    if (bench.failures.length > 0) process.exitCode = 1
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

function numbersOf(texts: Readonly<Record<string, string | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : [[name, Number(text)]])),
  )
}
