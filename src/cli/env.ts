/**
 * The environment of a command, passed as a parameter so that a test can call a command as a
 * function.
 *
 * Only main.ts fills this in from the process.
 */

import type { Readable } from 'node:stream'

export type Output = {
  /** `done` hears how it went; without it, a failure is one of the command. */
  write(text: string, done?: (error: NodeJS.ErrnoException | null) => void): void
  /** Resolves once everything was written: an earlier exit would cut off a pipe's reader. */
  flushed(): Promise<void>
  /** Bytes that a slow reader has not taken yet. */
  readonly waiting: number
  readonly isTTY: boolean
  /** The terminal's current size. */
  readonly size: { readonly columns: number; readonly rows: number }
}

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** Other servers reload or rotate logs at these; Node opens a debugger's port, or ends. */
export type StraySignal = 'SIGUSR1' | 'SIGUSR2'

export type Env = {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdin: Readable
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Calls `listener` for each signal, instead of the signal's default action. */
  onSignal(listener: (signal: Signal) => void): void
  /** Calls `listener` for each signal that means nothing to weir, instead of Node's action. */
  onStraySignal(listener: (signal: StraySignal) => void): void
  /** Calls `listener` with each key typed on the terminal; the result restores the terminal. */
  onKeys(listener: (keys: string) => void): () => void
  /** Calls `listener` after the terminal of stdout has got another size. */
  onResize(listener: () => void): void
}

/** Exit codes of every command. */
export const Exit = { ok: 0, failed: 1, usage: 2 } as const

/**
 * Whether to use colours on `output`: FORCE_COLOR (force-color.org) before NO_COLOR (no-color.org),
 * as Node does, and without either only on a terminal.
 */
export function wantsColours({ variables }: Env, output: Output): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = variables
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  return output.isTTY && TERM !== 'dumb'
}
