/**
 * `faults`: servers die, hang and vanish behind weir and behind HAProxy: what the clients lose, how
 * long a dead server harms them, and how soon a mended one is used again. weir may not be worse.
 *
 * It runs in a network and a process namespace of its own (faults/inside.ts), which takes root.
 * What was under way when a server died is lost behind any proxy, and is counted by itself.
 */

import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { type Outcome, titleOf } from './faults/cases.ts'
import { byRound, FIGURES, type FigureName, isClearlyMore, sumText, titleOfSum } from './faults/sums.ts'
import type { Bench } from './harness.ts'
import { missingInside, runInside } from './inside.ts'
import { temporaryFolder } from './load/scene.ts'

const INSIDE = join(import.meta.dirname, 'faults/inside.ts')
const NEEDED = ['unshare', 'ip', 'nft', 'setpriv', 'haproxy', 'nginx', 'redis-server', 'postgres']

export async function benchFaults(bench: Bench): Promise<void> {
  const missing = missingInside(NEEDED)
  if (missing.length > 0) {
    bench.say(`faults: not run without ${missing.join(', ')}`)
    return
  }
  using folder = temporaryFolder()
  chmodSync(folder.path, 0o755) // PostgreSQL is another user
  const outcomes = await campaign(bench, folder.path)
  for (const [title, some] of Map.groupBy(outcomes, titleOfSum)) record(bench, title, some)
  tell(bench, outcomes)
}

/** Runs it, and reads an outcome a line. */
async function campaign(bench: Bench, folder: string): Promise<Outcome[]> {
  const words = ['--net', '--pid', '--fork', '--mount-proc', '--kill-child', process.execPath]
  const [rounds, scale] = bench.parameter(['1', 'small'], ['3', 'large'])
  const outcomes: Outcome[] = []
  const code = await runInside<Outcome>(
    [...words, ...process.execArgv, INSIDE, folder, rounds, scale],
    outcome => {
      outcomes.push(outcome)
      bench.begin(`round ${outcome.round + 1}, ${titleOf(outcome)}: ${outcome.proxy}`)
    },
  )
  if (code !== 0) bench.fail(`the campaign ended with ${code}`)
  return outcomes
}

/** weir's median is to be no worse than the worst of HAProxy's rounds: cases have few samples. */
function record(bench: Bench, title: string, outcomes: readonly Outcome[]): void {
  for (const name of Object.keys(FIGURES) as FigureName[]) {
    const { unit } = FIGURES[name]
    const own = byRound(outcomes, 'weir', name)
    const peers = byRound(outcomes, 'HAProxy', name)
    if (own.length === 0 || peers.length === 0) continue
    bench.record(title, `${name}: weir`, unit, own, Math.max(...peers))
    bench.record(title, `${name}: HAProxy`, unit, peers)
  }
}

/** Sums of a fault over all servers: of connections that another one could have taken. */
function tell(bench: Bench, outcomes: readonly Outcome[]): void {
  for (const [fault, some] of Map.groupBy(outcomes, each => each.fault)) {
    const [own, peers] = (['weir', 'HAProxy'] as const).map(proxy =>
      byRound(some, proxy, 'lost, begun after the fault'),
    )
    const text = `${fault}: of connections begun after it, weir lost ${sumText(own)}, HAProxy ${sumText(peers)}`
    bench.say(text)
    if (isClearlyMore(own, peers)) bench.fail(text)
  }
}
