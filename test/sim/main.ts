/**
 * The simulator by hand: `npm run sim -- --help` says how.
 *
 * On a terminal a campaign shows how far it is and which marks it has not reached yet, in place.
 */

import { execFileSync } from 'node:child_process'
import { setImmediate as turn } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { markNames, marks } from './marks.ts'
import { Progress } from './progress.ts'

const { run } = await import('./run.ts')
const { shrink } = await import('./shrink.ts')

const HELP = `Runs the data plane under a simulated kernel and network (docs/simulator.md).

Usage: npm run sim -- [options]

  --seeds N     run N seeds, then print the marks; without it, run until Ctrl-C
  --minutes M   run for M minutes
  --from S      begin at this seed; without it, at the time of day
  --seed S      run this seed alone, and print each of its steps
  --shrink      with --seed: find a smaller run that still fails, and print that
  --help        print this

Exits with 0 where nothing was found, 1 where a seed failed, 2 for options that make no sense.
`

type Options = {
  readonly seed?: bigint
  readonly from: bigint
  readonly seeds: number
  readonly minutes: number
  readonly shrinks: boolean
}

function read(): Options | string {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string' },
      minutes: { type: 'string' },
      shrink: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  } as const)
  if (values.help) return HELP
  return {
    ...(values.seed === undefined ? {} : { seed: BigInt(whole('seed', values.seed)) }),
    from: BigInt(whole('from', values.from ?? String(Date.now()))),
    seeds: Number(whole('seeds', values.seeds ?? '0')) || Number.POSITIVE_INFINITY,
    minutes: Number(whole('minutes', values.minutes ?? '0')) || Number.POSITIVE_INFINITY,
    shrinks: values.shrink ?? false,
  }
}

function whole(name: string, text: string): string {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} takes a whole number, not "${text}"`)
  return text
}

function replay(seed: bigint, shrinks: boolean): boolean {
  const limits = shrinks ? shrink(seed, tried => process.stderr.write(`${tried}\n`)) : {}
  const outcome = run(seed, limits, line => console.log(line))
  console.log(`\nseed ${seed} at ${commit()}, hash ${outcome.hash.toString(16)}`)
  console.log(`${outcome.events} events, ${outcome.connections} connections`)
  for (const what of ['features', 'faults', 'actions'] as const)
    console.log(`${what}: ${outcome[what].join(', ') || 'none'}`)
  for (const [reason, count] of outcome.reasons) console.log(`${String(count).padStart(9)}  ${reason}`)
  if (shrinks) console.log(`smaller: ${JSON.stringify(limits)}`)
  if (outcome.bug !== '') console.log(`BUG ${outcome.bug}`)
  return outcome.bug === ''
}

async function campaign({ from, seeds: most, minutes }: Options): Promise<boolean> {
  const startMs = Date.now()
  const untilMs = startMs + minutes * 60_000
  const progress = new Progress(process.stdout, markNames())
  let [events, connections, failed, seeds] = [0, 0, 0, 0]
  let isStopped = false
  process.once('SIGINT', () => {
    isStopped = true
  })
  for (; seeds < most && Date.now() < untilMs && !isStopped; seeds++) {
    const seed = from + BigInt(seeds)
    const outcome = run(seed)
    events += outcome.events
    connections += outcome.connections
    if (outcome.bug !== '') {
      failed++
      const [what] = outcome.bug.split('\n')
      progress.say(`seed ${seed} at ${commit()}: ${what}\n  npm run sim -- --seed ${seed} --shrink`)
    }
    const figures = { seeds: seeds + 1, most, events, failed, ms: Date.now() - startMs, marks }
    if (progress.show(figures)) await turn() // for Ctrl-C
  }
  progress.end()
  const seconds = (Date.now() - startMs) / 1000
  const counts = `${events} events, ${connections} connections, ${failed} failed`
  console.log(`${seeds} seeds from ${from} at ${commit()} in ${seconds.toFixed(1)} s: ${counts}`)
  for (const name of markNames()) console.log(`${String(marks.get(name) ?? 0).padStart(9)}  ${name}`)
  return failed === 0
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'no commit'
  }
}

async function main(): Promise<number> {
  let options: Options | string
  try {
    options = read()
  } catch (error) {
    console.error(`${(error as Error).message}\nRun npm run sim -- --help for usage.`)
    return 2
  }
  if (typeof options === 'string') {
    process.stdout.write(options)
    return 0
  }
  const { seed, shrinks } = options
  if (seed === undefined && shrinks) {
    console.error('--shrink needs --seed\nRun npm run sim -- --help for usage.')
    return 2
  }
  return (seed === undefined ? await campaign(options) : replay(seed, shrinks)) ? 0 : 1
}

process.exitCode = await main()
