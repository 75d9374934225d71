/**
 * For which reasons a test may be skipped, and whether each is true here: what .ci/run could have
 * installed is none (WEIR_TEST_STRICT=1 in test/run.ts).
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { probeEpoll } from '../../src/kernel/epoll/probe.ts'
import { probe } from '../../src/kernel/uring/probe.ts'
import { fullOnly } from './full.ts'

const EXCUSES: readonly (readonly [RegExp, () => boolean])[] = [
  [/^part of npm run test:full$/, () => fullOnly !== false],
  [/^has run in npm test$/, () => process.env.WEIR_TEST_REST === '1'], // set once run.ts has read its flags
  [/^(node:net|net\.Server) cannot /, () => true],
  [/^cases outside the repository /, () => true],
  [/ is not supported yet \(\d+ cases\)$/, () => true],
  [/^needs unshare -n/, () => spawnSync('unshare', ['-n', 'true']).status !== 0],
  [/^only root can/, () => process.geteuid?.() !== 0],
  [/^(needs Linux|reads \/proc\/)/, () => process.platform !== 'linux'],
  [/^there is no IPv6 here$/, () => !existsSync('/proc/net/if_inet6')],
  [/^not a git checkout$/, () => !existsSync(new URL('../../.git', import.meta.url))],
  [/^needs KUBE_APISERVER=/, () => process.env.KUBE_APISERVER === undefined],
  [/^needs epoll by node:ffi: /, () => !probeEpoll().ok],
  [/io_uring|^needs .* \(\d+\.\d+\): /, () => !probe().ok],
]

export const isExcused = (reason: string): boolean =>
  EXCUSES.some(([pattern, isTrue]) => pattern.test(reason) && isTrue())
