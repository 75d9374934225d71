/** The command line's only contact with the process: its streams, signals, and the exit. */

import type { Env, Output } from './env.ts'
import { runCommandLine } from './program.ts'

/** A reader that has gone (`| head`) is no mistake of ours: what is left is written into the void. */
function output(stream: NodeJS.WriteStream): Output {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    write: text => void stream.write(text),
    isTTY: stream.isTTY === true,
  }
}

const env: Env = {
  stdout: output(process.stdout),
  stderr: output(process.stderr),
  stdin: process.stdin,
  variables: process.env,
  onSignal(listener) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => listener(signal))
  },
}

process.exit(await runCommandLine(process.argv.slice(2), env))
