/**
 * Which engine the workers run, and the one line that says why.
 *
 * weir tries each engine, since only that shows what a kernel, a sysctl or a seccomp profile
 * forbids (kernel/uring/probe.ts, kernel/epoll/probe.ts).
 */

import type { Settings } from '../../config/settings/settings.ts'
import type { EngineKind } from '../../engine/worker/protocol.ts'
import { probeEpoll } from '../../kernel/epoll/probe.ts'
import { probe } from '../../kernel/uring/probe.ts'

type EngineChoice = { readonly engine: EngineKind; readonly why: string }

/** By engine: whether it can run, and if not, what would enable it. */
type Probes = {
  readonly [engine in 'uring' | 'epoll']: () => { readonly ok: boolean; readonly reason: string }
}

/** The best one first; `node` runs everywhere. */
const TRIED = ['uring', 'epoll'] as const
const CALLED = { uring: 'io_uring', epoll: 'epoll', node: 'node' } as const

/** @param probes  For tests. */
export function chooseEngine(
  wanted: Settings['engine'],
  probes: Probes = { uring: probe, epoll: probeEpoll },
): EngineChoice {
  if (wanted === 'node') return { engine: 'node', why: 'as asked' }
  const without = new Map<string, string[]>()
  for (const engine of TRIED) {
    if (engine === 'uring' && wanted === 'epoll') continue
    const { ok, reason } = probes[engine]()
    if (ok) return { engine, why: engine === wanted ? 'as asked' : explain(without, engine) }
    without.set(reason, [...(without.get(reason) ?? []), CALLED[engine]])
  }
  return { engine: 'node', why: explain(without, 'node') }
}

/** @param without  The engines that cannot run, with the reason. */
function explain(without: ReadonlyMap<string, readonly string[]>, engine: EngineKind): string {
  if (without.size === 0) return `${CALLED[engine]} works here`
  return [...without].map(([reason, names]) => `no ${names.join(' and no ')}: ${reason}`).join('; ')
}
