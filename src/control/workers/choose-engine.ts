/**
 * Which engine the workers run, and the one line that says why.
 *
 * io_uring is tried out, not looked up: what a kernel, a sysctl or a seccomp profile forbids shows
 * only then (kernel/uring/probe.ts).
 */

import type { Settings } from '../../config/settings/settings.ts'
import type { EngineKind } from '../../engine/worker/protocol.ts'
import { type Probe, probe } from '../../kernel/uring/probe.ts'

type EngineChoice = { readonly engine: EngineKind; readonly why: string }

/** @param tryUring  For tests. */
export function chooseEngine(wanted: Settings['engine'], tryUring: () => Probe = probe): EngineChoice {
  if (wanted === 'node') return { engine: 'node', why: 'as asked' }
  const { ok, reason } = tryUring()
  if (ok) return { engine: 'uring', why: wanted === 'uring' ? 'as asked' : 'io_uring works here' }
  return { engine: 'node', why: `no io_uring: ${reason}` }
}
