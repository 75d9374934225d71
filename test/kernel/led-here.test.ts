/** A listener on a loopback address that clients of other hosts are led to: route_localnet. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('../support/led-here.ts', import.meta.url))

/** In a network namespace of its own, which ends with the command. */
const isolated = (control: string, script: string) =>
  spawnSync(
    'unshare',
    ['-n', 'sh', '-ec', `${PREPARE}\necho ${control} > ${DEFAULT}\n${script}`, 'sh', process.execPath, CHILD],
    { encoding: 'utf8', timeout: 30_000 },
  )

const DEFAULT = '/proc/sys/net/ipv4/tcp_congestion_control'
const PREPARE = 'ip link set lo up\nfor at in 8 9; do ip address add 10.9.9.$at/32 dev lo; done'
const skip =
  isolated('bbr', '').status === 0 ? false : 'needs unshare -n and ip, the right to use them, and BBR'

test('bulk of a client that comes from elsewhere is paced as the host says', { skip }, () => {
  const told = (control: string): string[] =>
    isolated(control, 'exec "$1" --no-warnings "$2"').stdout.trimEnd().split('\n')
  assert.deepEqual(told('bbr'), [
    '127.0.0.1 127.0.0.1 reno reno',
    '127.0.0.1 10.9.9.8 reno reno', // as a redirect of the host's own connections
    '127.0.0.1 10.9.9.9 reno bbr',
    '0.0.0.0 127.0.0.1 bbr reno',
    '0.0.0.0 10.9.9.8 bbr reno',
    '0.0.0.0 10.9.9.9 bbr bbr',
  ])
  for (const line of told('reno')) assert.match(line, / reno reno$/)
})
