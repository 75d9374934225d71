/**
 * The simulator by hand:
 *
 *   npm run sim                      until it is stopped, from a seed of the time
 *   npm run sim -- --seeds 10000     so many; --from 1 says which
 *   npm run sim -- --seed 77         one, with its trace; --shrink makes it smaller first, if it fails
 */

import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { markNames, marks } from './marks.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    minutes: { type: 'string' },
  },
})
const { run } = await import('./run.ts')
const { shrink } = await import('./shrink.ts')

if (values.seed !== undefined) replay(BigInt(values.seed))
else campaign()

function replay(seed: bigint): void {
  const limits = values.shrink ? shrink(seed) : {}
  const outcome = run(seed, limits, line => console.log(line))
  console.log(`\nseed ${seed} at ${commit()}, hash ${outcome.hash.toString(16)}`)
  console.log(`${outcome.events} events, ${outcome.connections} connections`)
  console.log(`faults: ${outcome.faults.join(', ') || 'none'}`)
  console.log(`actions: ${outcome.actions.join(', ') || 'none'}`)
  if (values.shrink) console.log(`smaller: ${JSON.stringify(limits)}`)
  if (outcome.bug !== '') console.log(`BUG ${outcome.bug}`)
  process.exitCode = outcome.bug === '' ? 0 : 1
}

function campaign(): void {
  const from = BigInt(values.from ?? Date.now())
  const count = values.seeds === undefined ? Number.POSITIVE_INFINITY : Number(values.seeds)
  const untilMs = Date.now() + Number(values.minutes ?? Number.POSITIVE_INFINITY) * 60_000
  const startMs = Date.now()
  let events = 0
  let connections = 0
  let failed = 0
  let seeds = 0
  for (let told = 0; seeds < count && Date.now() < untilMs; seeds++) {
    const seed = from + BigInt(seeds)
    const outcome = run(seed)
    events += outcome.events
    connections += outcome.connections
    if (outcome.bug !== '') {
      failed++
      console.log(
        `seed ${seed} at ${commit()}: ${outcome.bug.split('\n')[0]}\n  npm run sim -- --seed ${seed}`,
      )
    }
    if (process.stdout.isTTY && Date.now() - told > 500) {
      told = Date.now()
      const rate = (seeds / (Date.now() - startMs)) * 1000
      process.stdout.write(
        `\r${seeds} seeds, ${rate.toFixed(0)}/s, ${events} events, ${marks.size} of ${markNames().length} marks, ${failed} failed `,
      )
    }
  }
  const seconds = (Date.now() - startMs) / 1000
  console.log(
    `\n${seeds} seeds from ${from} in ${seconds.toFixed(1)} s: ${events} events, ${connections} connections, ${failed} failed`,
  )
  for (const name of markNames()) console.log(`${String(marks.get(name) ?? 0).padStart(9)}  ${name}`)
  process.exitCode = failed === 0 ? 0 : 1
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'no commit'
  }
}
