/**
 * Goal: behind a redirect a connection goes by where the client wanted to go. Method: a network
 * namespace of the test's own, whose nftables redirect sends port 8080 to the one mesh listener.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { missing } from '../../src/kernel/libc.ts'
import { ENGINES } from '../support/engine.ts'

const CHILD = fileURLToPath(new URL('../support/redirected-plane.ts', import.meta.url))

const REDIRECT = `
ip link set lo up
nft add table inet weir
nft 'add chain inet weir redirected { type nat hook output priority -100 ; }'
nft add rule inet weir redirected tcp dport 8080 redirect to :15001`

const isolated = (script: string, ...words: string[]) =>
  spawnSync('unshare', ['-n', 'sh', '-ec', script, 'sh', process.execPath, CHILD, ...words], {
    encoding: 'utf8',
    timeout: 60_000,
  })

const needs = 'needs unshare -n, ip and nft, and the right to use them'
const skip = missing || (isolated(REDIRECT).status === 0 ? false : needs)

for (const { engine, test } of ENGINES) {
  test(`${engine}: a redirected connection goes to the service that it asked for, in both families`, {
    skip,
  }, () => {
    const { stdout, stderr } = isolated(`${REDIRECT}\nexec "$1" --no-warnings "$2" "$3"`, engine)
    assert.equal(stdout, 'first\nsecond\nthird\n', stderr)
  })
}
