/** What figures depend on beside the measured code: the machine, its load, and other programs. */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { wallTime } from '../src/base/clock.ts'
import { versionOf } from './installed.ts'

export type Machine = {
  /** When the run began, in UTC. */
  readonly measured: string
  readonly kernel: string
  readonly processors: number
  readonly processor: string
  /** What controls the processor's speed; null if the kernel does not show it. */
  readonly governor: string | null
  /** How TCP sends by default; bulk depends on it. Runs before November 2026 do not say. */
  readonly congestion?: string
  readonly memoryBytes: number
  /** Of 1, 5 and 15 minutes, before anything was measured. */
  readonly load: readonly number[]
  readonly node: string
  readonly v8: string
  /** Versions of the installed peers. */
  readonly peers: Readonly<Record<string, string>>
  /** The commit; null outside a git repository. */
  readonly commit: { readonly id: string; readonly isDirty: boolean } | null
}

const GOVERNOR = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'
const CONGESTION = '/proc/sys/net/ipv4/tcp_congestion_control'
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PEERS: readonly (readonly [string, string])[] = [
  ['haproxy', '-v'],
  ['nginx', '-v'],
]

export function machine(): Machine {
  const processors = cpus()
  return {
    measured: wallTime(),
    kernel: `${type()} ${release()}`,
    processors: processors.length,
    processor: processors[0]?.model ?? 'unknown',
    governor: existsSync(GOVERNOR) ? readFileSync(GOVERNOR, 'utf8').trim() : null,
    ...(existsSync(CONGESTION) && { congestion: readFileSync(CONGESTION, 'utf8').trim() }),
    memoryBytes: totalmem(),
    load: loadavg(),
    node: process.version,
    v8: process.versions.v8,
    peers: Object.fromEntries(
      PEERS.map(([program, flag]) => [program, versionOf(program, flag)]).filter(([, version]) => version),
    ),
    commit: commit(),
  }
}

function commit(): Machine['commit'] {
  const id = git('rev-parse', '--short=12', 'HEAD')
  return id === null ? null : { id, isDirty: git('status', '--porcelain') !== '' }
}

function git(...words: readonly string[]): string | null {
  const { status, stdout } = spawnSync('git', words, { cwd: ROOT, encoding: 'utf8', timeout: 5000 })
  return status === 0 ? stdout.trim() : null
}

/** The same for people, one fact per line. */
export function factsOf(machine: Machine): readonly (readonly [string, string])[] {
  const { measured, kernel, processors, processor, governor, congestion } = machine
  const { memoryBytes, load, node, v8, peers, commit } = machine
  return [
    ['measured', measured],
    ['kernel', kernel],
    ['processor', `${processors} × ${processor}`],
    ['governor', governor ?? 'not shown by this kernel'],
    ['congestion control', congestion ?? 'not told'],
    ['memory', `${Math.round(memoryBytes / 2 ** 30)} GiB`],
    ['load', load.map(each => each.toFixed(1)).join(', ')],
    ['node', `${node} (V8 ${v8})`],
    [
      'peers',
      Object.entries(peers)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ') || 'none installed',
    ],
    [
      'commit',
      commit ? `${commit.id}${commit.isDirty ? ', and changes that are not committed' : ''}` : 'unknown',
    ],
  ]
}
