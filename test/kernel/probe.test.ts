import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { probeEpoll, refused } from '../../src/kernel/epoll/probe.ts'
import { Errno } from '../../src/kernel/errno.ts'
import { probe, whyNoRing } from '../../src/kernel/uring/probe.ts'

const run = promisify(execFile)

test('a probe names every feature with its first version, up to the first that is missing', () => {
  const { ok, reason, features } = probe()
  assert.equal(ok, reason === '')
  assert.equal(features[0].name, 'node:ffi')
  for (const { name, since } of features) assert.match(since, /^(Linux|Node) \d+\.\d+$|^any$/, name)
  assert.deepEqual(
    features.map(feature => feature.ok),
    features.map((_, i) => ok || i < features.length - 1),
  )
})

const REFUSALS = [
  { errno: Errno.EPERM, disabled: '2', says: /io_uring_disabled is 2; the sysctl set to 0/ },
  { errno: Errno.EPERM, disabled: '1', says: /io_uring_disabled is 1; the sysctl set to 0/ },
  { errno: Errno.EPERM, disabled: '0', says: /EPERM.*seccomp profile/ },
  { errno: Errno.EPERM, disabled: '', says: /EPERM.*seccomp profile/ },
  { errno: Errno.ENOSYS, disabled: '', says: /ENOSYS.*CONFIG_IO_URING.*seccomp/ },
  { errno: Errno.EINVAL, disabled: '0', says: /EINVAL.*Linux 6\.1/ },
  { errno: Errno.ENOMEM, disabled: '0', says: /ENOMEM.*memory limit/ },
  { errno: Errno.EMFILE, disabled: '0', says: /EMFILE.*RLIMIT_NOFILE/ },
  { errno: Errno.EIO, disabled: '0', says: /EIO.*io_uring_setup\(2\)/ },
]

for (const { errno, disabled, says } of REFUSALS) {
  test(`a refused ring (errno ${errno}, io_uring_disabled "${disabled}") says what would enable it`, () => {
    assert.match(whyNoRing(-errno, disabled), says)
  })
}

const PROBE = `import(${JSON.stringify(new URL('../../src/kernel/uring/probe.ts', import.meta.url).href)})
  .then(({ probe }) => process.stdout.write(JSON.stringify(probe())))`

const FORBIDDEN = [
  { flags: ['--no-experimental-ffi'], says: /no node:ffi here; Node 26\.1 or later/ },
  { flags: ['--permission', '--allow-fs-read=*'], says: /permission model forbids node:ffi; --allow-ffi/ },
]

for (const { flags, says } of FORBIDDEN) {
  test(`with ${flags[0]} the probe says no and does not fail`, async () => {
    const { stdout } = await run(process.execPath, ['--no-warnings', ...flags, '-e', PROBE])
    const { ok, reason } = JSON.parse(stdout) as { ok: boolean; reason: string }
    assert.equal(ok, false)
    assert.match(reason, says)
  })
}

test('a probe of epoll works, or says what would enable it', () => {
  const { ok, reason } = probeEpoll()
  assert.equal(ok, reason === '')
  for (const errno of [Errno.EPERM, Errno.EACCES, Errno.ENOSYS])
    assert.match(refused('epoll_create1', -errno), /refuses epoll_create1.*seccomp profile/)
  assert.match(refused('epoll_create1', -Errno.EMFILE), /EMFILE.*RLIMIT_NOFILE/)
  assert.match(refused('epoll_ctl', -Errno.ENOSPC), /ENOSPC.*fs\.epoll\.max_user_watches/)
  assert.match(refused('epoll_wait', -Errno.EIO), /EIO.*epoll_wait\(2\)/)
})
