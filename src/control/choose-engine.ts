/**
 * Which engine the workers run, and the one line that says why.
 *
 * io_uring is tried out, not looked up: what a kernel, a sysctl or a seccomp profile forbids shows
 * only then (net/probe.ts).
 */

import type { Settings } from '../config/settings.ts'
import type { EngineKind } from '../engine/protocol.ts'
import { type Probe, probe } from '../net/probe.ts'

export type EngineChoice = { readonly engine: EngineKind; readonly why: string }

/** @param tryUring  For tests. */
export function chooseEngine(wanted: Settings['engine'], tryUring: () => Probe = probe): EngineChoice {
  if (wanted === 'node') return { engine: 'node', why: 'as asked' }
  const { ok, reason } = tryUring()
  if (ok) return { engine: 'uring', why: wanted === 'uring' ? 'as asked' : 'io_uring works here' }
  return { engine: 'node', why: `no io_uring: ${reason}` }
}
