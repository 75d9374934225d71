/**
 * `ports`: how long connect(2) takes while many local ports are taken by connections to the same
 * endpoint: as weir dials, and as the kernel chooses ports by itself (kernel/socket-options.ts).
 *
 * It runs in a network namespace of its own (ports/inside.ts), which takes root, and without the
 * reuse of TIME_WAIT, which is for loopback only by default.
 */

import { join } from 'node:path'
import type { Bench } from './harness.ts'
import { missingInside, runInside } from './inside.ts'
import type { Searched } from './ports/inside.ts'

const INSIDE = join(import.meta.dirname, 'ports/inside.ts')
const NEEDED = ['unshare', 'ip', 'sysctl']
const WAYS = { any: 'as weir dials', system: 'as the kernel chooses' } as const
type Way = keyof typeof WAYS
const PREPARE = 'ip link set lo up && sysctl -qw net.ipv4.tcp_tw_reuse=0 && exec "$@"'

export async function benchPorts(bench: Bench): Promise<void> {
  const missing = missingInside(NEEDED)
  if (missing.length > 0) {
    bench.say(`ports: not run without ${missing.join(', ')}`)
    return
  }
  for (const way of Object.keys(WAYS) as Way[]) {
    bench.begin(`ports: ${WAYS[way]}`)
    for (const { flows, ns } of await searched(bench, way)) {
      const group = `connect(2) with ${flows} of 28 232 ports taken`
      const sorted = ns.toSorted((a, b) => a - b)
      const at = (share: number): number =>
        sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
      bench.record(group, `${WAYS[way]}, p50`, 'ns', at(0.5))
      bench.record(group, `${WAYS[way]}, p99`, 'ns', at(0.99))
    }
  }
}

async function searched(bench: Bench, way: Way): Promise<Searched[]> {
  const flows = bench.parameter(['1', '300'], ['1', '10000', '14000', '20000', '25000'])
  const inside = [process.execPath, ...process.execArgv, INSIDE, way, bench.parameter('20', '400'), ...flows]
  const found: Searched[] = []
  const words = ['--net', 'sh', '-c', PREPARE, 'sh', ...inside]
  const code = await runInside<Searched>(words, each => found.push(each))
  if (code !== 0) bench.fail(`${WAYS[way]}: ended with ${code}`)
  return found
}
