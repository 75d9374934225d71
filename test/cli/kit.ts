/** Calls the command line as a function and keeps its output. */

import { Readable } from 'node:stream'
import type { Env, Signal } from '../../src/cli/env.ts'
import { runCommandLine } from '../../src/cli/program.ts'

export type Said = { readonly code: number; readonly out: string; readonly err: string }

export type World = {
  readonly variables?: Record<string, string>
  readonly isTTY?: boolean
  readonly stdin?: string
  /** Gets each piece of stdout as it is written. */
  readonly onOut?: (text: string) => void
  readonly onErr?: (text: string) => void
  /** Gets the function that sends a signal. */
  readonly onReady?: (send: (signal: Signal) => void) => void
  readonly size?: { columns: number; rows: number }
  /** Gets the function that tells of another size. */
  readonly onResize?: (tell: () => void) => void
  /** Gets the function that types, and is called when the terminal is given back. */
  readonly onKeys?: (type: (keys: string) => void) => () => void
}

export async function weir(words: readonly string[], world: World = {}): Promise<Said> {
  let out = ''
  let err = ''
  const isTTY = world.isTTY ?? false
  const size = world.size ?? { columns: 80, rows: 24 }
  const env: Env = {
    stdout: {
      isTTY,
      size,
      flushed: async () => {},
      waiting: 0,
      write: (text, done) => {
        out += text
        world.onOut?.(text)
        done?.(null)
      },
    },
    stderr: {
      isTTY,
      size,
      flushed: async () => {},
      waiting: 0,
      write: (text, done) => {
        err += text
        world.onErr?.(text)
        done?.(null)
      },
    },
    stdin: Readable.from([world.stdin ?? '']),
    variables: world.variables ?? {},
    onSignal: listener => world.onReady?.(listener),
    onStraySignal: () => {},
    onKeys: listener => world.onKeys?.(listener) ?? (() => {}),
    onResize: listener => world.onResize?.(listener),
  }
  const code = await runCommandLine(words, env)
  return { code, out, err }
}
