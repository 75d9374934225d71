import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { skip } from '../support/uring.ts'

const CHILD = fileURLToPath(new URL('../support/redirected.ts', import.meta.url))

/** In a network namespace of its own, which ends with the command. */
const isolated = (script: string) =>
  spawnSync('unshare', ['-n', 'sh', '-ec', script, 'sh', process.execPath, CHILD], {
    encoding: 'utf8',
    timeout: 30_000,
  })

const REDIRECT = `
ip link set lo up
nft add table inet weir
nft 'add chain inet weir redirected { type nat hook output priority -100 ; }'
nft add rule inet weir redirected tcp dport 8080 redirect to :15001`

const permitted =
  skip ||
  (isolated(REDIRECT).status === 0 ? false : 'needs unshare -n, ip and nft, and the right to use them')

test('a redirected connection knows where it wanted to go, in both families', { skip: permitted }, () => {
  const { stdout, stderr } = isolated(`${REDIRECT}\nexec "$1" --no-warnings "$2"`)
  assert.equal(stdout, '0 127.9.9.9 8080\n0 127.9.9.9 8080\n0 ::1 8080\n', stderr)
})
