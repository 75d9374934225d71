/**
 * `faults`: servers die, hang and vanish behind weir and behind HAProxy: what the clients lose, how
 * long a dead server harms them, and how soon a mended one is used again. weir may not be worse.
 *
 * It runs in a network and a process namespace of its own (faults/inside.ts), which takes root.
 * What was under way when a server died is lost behind any proxy, and is counted by itself.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Outcome, titleOf } from './faults/cases.ts'
import type { Bench } from './harness.ts'
import { installed } from './installed.ts'

const INSIDE = join(import.meta.dirname, 'faults/inside.ts')
const NEEDED = ['unshare', 'ip', 'nft', 'setpriv', 'haproxy', 'nginx', 'redis-server', 'postgres']
const FIGURES = {
  'lost, begun after the fault': { unit: 'count', of: ({ lostNew }) => lostNew },
  'lost, open at the fault': { unit: 'count', of: ({ lostOpen }) => lostOpen },
  'until it harms nobody': { unit: 'ms', of: ({ leftAloneMs }) => leftAloneMs },
  'until it is back': { unit: 'ms', of: ({ backMs }) => backMs },
} as const satisfies Record<string, { unit: 'count' | 'ms'; of: (outcome: Outcome) => number | null }>

export async function benchFaults(bench: Bench): Promise<void> {
  const missing = NEEDED.filter(each => installed(each) === '')
  if (process.getuid?.() !== 0) missing.push('root')
  if (missing.length > 0) {
    bench.say(`faults: not run without ${missing.join(', ')}`)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'weir-faults-'))
  chmodSync(folder, 0o755) // PostgreSQL is another user
  try {
    const outcomes = await campaign(bench, folder)
    for (const [title, some] of Map.groupBy(outcomes, titleOf)) record(bench, title, some)
    tell(bench, outcomes)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs it, and reads an outcome a line. */
async function campaign(bench: Bench, folder: string): Promise<Outcome[]> {
  const words = ['--net', '--pid', '--fork', '--mount-proc', '--kill-child', process.execPath]
  const [rounds, scale] = bench.parameter(['1', 'small'], ['3', 'large'])
  const child = spawn('unshare', [...words, ...process.execArgv, INSIDE, folder, rounds, scale], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exits = once(child, 'exit')
  const outcomes: Outcome[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const outcome: Outcome = JSON.parse(line)
    outcomes.push(outcome)
    bench.begin(`${titleOf(outcome)}: ${outcome.proxy}`)
  }
  const [code] = await exits
  if (code !== 0) bench.fail(`the campaign ended with ${code}`)
  return outcomes
}

/** weir's figure is to be no worse than the median of HAProxy's. */
function record(bench: Bench, title: string, outcomes: readonly Outcome[]): void {
  for (const [name, { unit, of }] of Object.entries(FIGURES)) {
    const values = (proxy: string): number[] =>
      outcomes.flatMap(each => (each.proxy === proxy ? (of(each) ?? []) : []))
    const peers = values('HAProxy').sort((a, b) => a - b)
    const own = values('weir')
    if (own.length === 0 || peers.length === 0) continue
    bench.record(title, `${name}: weir`, unit, own, peers[peers.length >> 1])
    bench.record(title, `${name}: HAProxy`, unit, peers)
  }
}

/** Sums of a fault: a single case has too few losses to compare. */
function tell(bench: Bench, outcomes: readonly Outcome[]): void {
  for (const [fault, some] of Map.groupBy(outcomes, each => each.fault)) {
    const lost = (proxy: string): number =>
      some.reduce((sum, each) => sum + (each.proxy === proxy ? each.lostNew : 0), 0)
    const text = `${fault}: of connections begun after it, weir lost ${lost('weir')}, HAProxy ${lost('HAProxy')}`
    bench.say(text)
    if (lost('weir') > lost('HAProxy')) bench.fail(text)
  }
}
