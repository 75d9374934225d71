/**
 * Whether the io_uring engine can run here, and if not, what would enable it, in one sentence.
 *
 * It tries: it makes a ring as a worker does, checks its operations and a buffer ring, and frees
 * everything. Docker's and Kubernetes' default seccomp profiles forbid io_uring, so "no" is
 * ordinary.
 */

import { readFileSync } from 'node:fs'
import { Arena } from '../arena.ts'
import { Errno, errnoName } from '../errno.ts'
import * as libc from '../libc.ts'
import { Buffers } from './buffers.ts'
import { Op, REGISTER_PROBE } from './io-uring.ts'
import type { Ring } from './ring.ts'
import { closeRing, openRing } from './ring-setup.ts'

type Feature = { readonly name: string; readonly since: string; readonly ok: boolean }

type Probe = {
  readonly ok: boolean
  /** What is missing and what would enable it; '' if nothing is. */
  readonly reason: string
  /** In the order of the checks, which stop at the first missing one. */
  readonly features: readonly Feature[]
}

/** First versions of each: io_uring_enter(2), io_uring_setup(2), io_uring_register(2). */
const OPERATIONS: readonly { name: keyof typeof Op; since: string }[] = [
  { name: 'POLL_ADD', since: 'Linux 5.1' },
  { name: 'ACCEPT', since: 'Linux 5.5' },
  { name: 'ASYNC_CANCEL', since: 'Linux 5.5' },
  { name: 'CONNECT', since: 'Linux 5.5' },
  { name: 'READ', since: 'Linux 5.6' },
  { name: 'SEND', since: 'Linux 5.6' },
  { name: 'RECV', since: 'Linux 5.6' },
]

/** Tries it out on this thread. */
export function probe(): Probe {
  const features: Feature[] = []
  const ask = (name: string, since: string, reason: string): string => {
    features.push({ name, since, ok: reason === '' })
    return reason
  }
  const reason = ask('node:ffi', 'Node 26.1', libc.missing) || probeKernel(ask)
  return { ok: reason === '', reason, features }
}

type Ask = (name: string, since: string, reason: string) => string

function probeKernel(ask: Ask): string {
  const arena = Arena.map(65_536)
  if (typeof arena === 'number') return ask('memory', 'any', whyNoRing(arena, ''))
  const ring = openRing(arena, { entries: 8, completions: 16, roomEach: 1 })
  const refused = typeof ring === 'number' ? whyNoRing(ring, disabledSetting()) : ''
  const reason = ask('io_uring with DEFER_TASKRUN', 'Linux 6.1', refused) || probeRing(ask, ring as Ring)
  if (typeof ring !== 'number') closeRing(ring)
  arena.unmap()
  return reason
}

function probeRing(ask: Ask, ring: Ring): string {
  const supported = supportedOperations(ring)
  for (const { name, since } of OPERATIONS) {
    const reason = supported.has(Op[name]) ? '' : `this kernel has no IORING_OP_${name}; ${since} has`
    if (ask(`IORING_OP_${name}`, since, reason)) return reason
  }
  const buffers = Buffers.open(ring, { group: 0, count: 2, bytesEach: 16, roomEach: 16 })
  const refused = typeof buffers === 'number' ? `this kernel has no provided buffers; Linux 5.19 has` : ''
  return ask('provided buffer rings', 'Linux 5.19', refused)
}

/**
 * struct io_uring_probe: 16 bytes, then 8 for each operation: op u8, resv u8, flags u16 (1:
 * supported).
 */
function supportedOperations(ring: Ring): Set<number> {
  const count = 256
  const at = ring.arena.take(16 + count * 8)
  const result = libc.ioUringRegister(ring.fd, REGISTER_PROBE, ring.arena.pointer(at), count)
  const supported = new Set<number>()
  if (result < 0) return supported
  const answered = ring.arena.u8[at + 1]
  for (let i = 0; i < answered; i++) {
    const entry = at + 16 + i * 8
    if ((ring.arena.u16[entry / 2 + 1] & 1) !== 0) supported.add(ring.arena.u8[entry])
  }
  return supported
}

/** The sysctl kernel.io_uring_disabled: '0', '1' or '2'; '' before Linux 6.6. */
function disabledSetting(): string {
  try {
    return readFileSync('/proc/sys/kernel/io_uring_disabled', 'utf8').trim()
  } catch {
    return ''
  }
}

/**
 * Why the kernel refuses a ring, for −errno of io_uring_setup(2).
 *
 * @param disabled  The sysctl kernel.io_uring_disabled (Linux 6.6; sysctl/kernel.rst): 2 refuses
 * everyone, 1 all but a group and CAP_SYS_ADMIN. If it does not explain EPERM, seccomp does.
 */
export function whyNoRing(result: number, disabled: string): string {
  if (result === -Errno.EPERM && (disabled === '1' || disabled === '2')) {
    return `kernel.io_uring_disabled is ${disabled}; the sysctl set to 0 allows io_uring`
  }
  const hint = HINTS.get(-result) ?? 'io_uring_setup(2) may say more'
  return `the kernel refuses a ring (${errnoName(result)}); ${hint}`
}

const SECCOMP =
  'a seccomp profile that allows io_uring_setup, io_uring_enter and io_uring_register enables it, where a container forbids them'

const HINTS = new Map<number, string>([
  [Errno.EPERM, SECCOMP],
  [Errno.EACCES, SECCOMP],
  [Errno.ENOSYS, `Linux 6.1 or later, built with CONFIG_IO_URING, has it; or ${SECCOMP}`],
  [Errno.EINVAL, 'Linux 6.1 or later is needed'],
  [Errno.ENOMEM, 'a higher memory limit, or RLIMIT_MEMLOCK, is needed'],
  [Errno.EMFILE, 'a higher limit of open files (RLIMIT_NOFILE) is needed'],
  [Errno.ENFILE, 'a higher limit of open files (fs.file-max) is needed'],
])
