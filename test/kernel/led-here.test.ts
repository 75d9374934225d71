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
const PREPARE = 'ip link set lo up\nip address add 10.9.9.9/32 dev lo'
const skip =
  isolated('bbr', '').status === 0 ? false : 'needs unshare -n and ip, the right to use them, and BBR'

test('bulk of a client that comes from elsewhere is paced as the host says', { skip }, () => {
  const told = (control: string): string => isolated(control, 'exec "$1" --no-warnings "$2"').stdout
  assert.equal(told('bbr'), '127.0.0.1 reno reno\n10.9.9.9 reno bbr\n')
  assert.equal(told('reno'), '127.0.0.1 reno reno\n10.9.9.9 reno reno\n')
})
