/**
 * A data plane as a child process, to be started under a low limit of open files: it answers
 * commands over IPC (see low-limit's use in test/engine/descriptors.test.ts).
 */

import { closeSync, openSync } from 'node:fs'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { clusterOf, listenerOn, planOf, TestEngine } from './engine.ts'

export type Command =
  | { readonly kind: 'start'; readonly engine: EngineKind; readonly port: number; readonly upstream: number }
  /** Takes every descriptor that is left. */
  | { readonly kind: 'hog' }
  | { readonly kind: 'release'; readonly count?: number }
  /** Answers with the counts, and with the CPU time that the process has used. */
  | { readonly kind: 'counts' }
  | { readonly kind: 'end' }

export type Answer = { readonly counts: TestEngine['counts'] | null; readonly cpuMs: number }

const hogged: number[] = []
let plane: TestEngine | null = null

process.on('message', async (command: Command) => {
  await obey(command)
  const { user, system } = process.cpuUsage()
  const answer: Answer = { counts: plane?.counts ?? null, cpuMs: (user + system) / 1000 }
  process.send?.(answer)
  if (command.kind === 'end') process.disconnect?.()
})

async function obey(command: Command): Promise<void> {
  if (command.kind === 'start') {
    plane = new TestEngine(command.engine)
    const target = { address: '127.0.0.1', port: command.upstream }
    await plane.adopt(planOf([listenerOn(command.port)], [clusterOf([target])]))
  } else if (command.kind === 'hog') hog()
  else if (command.kind === 'release')
    for (const fd of hogged.splice(0, command.count ?? hogged.length)) closeSync(fd)
  else if (command.kind === 'end' && plane) await plane[Symbol.asyncDispose]()
}

function hog(): void {
  try {
    for (;;) hogged.push(openSync('/dev/null', 'r'))
  } catch {
    // EMFILE: that was the last
  }
}
