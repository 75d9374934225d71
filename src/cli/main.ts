/** The command line's only contact with the process: its streams, signals, and the exit. */

import { monotonicMs } from '../base/clock.ts'
import { type Env, Exit, type Output, type Signal, type StraySignal } from './env.ts'
import { runCommandLine } from './program.ts'

/** The first text that could not be written, and was not for a reader that has gone. */
let failure: NodeJS.ErrnoException | null = null

/**
 * A reader (`| head`) or a terminal may go away; that is no error of weir, so it discards the rest
 * of the output.
 */
function judge(error: NodeJS.ErrnoException | null | undefined): void {
  if (error && error.code !== 'EPIPE' && error.code !== 'EIO') failure ??= error
}

function output(stream: NodeJS.WriteStream): Output {
  stream.on('error', () => {}) // each write hears of its own
  return {
    write: (text, done = judge) => void stream.write(text, error => done(error ?? null)),
    flushed: () => new Promise(resolve => stream.write('', () => resolve())),
    get waiting() {
      return stream.writableLength
    },
    isTTY: stream.isTTY === true,
    get size() {
      return { columns: stream.columns || 80, rows: stream.rows || 24 }
    },
  }
}

/**
 * An older Node that handed over passes signals on; signals to the process group or the service
 * also reach this process directly. One that is killed passes nothing on, and closes its channel.
 */
const ECHO_MS = 100

function onSignal(listener: (signal: Signal) => void): void {
  const isHandedOver = process.env.WEIR_HANDED_OVER !== undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    let lastMs = Number.NEGATIVE_INFINITY
    process.on(signal, () => {
      const nowMs = monotonicMs()
      const isEcho = isHandedOver && nowMs - lastMs < ECHO_MS
      lastMs = nowMs
      if (!isEcho) listener(signal)
    })
  }
  // Any other parent may leave its child alone.
  if (isHandedOver) process.on('disconnect', () => listener('SIGTERM'))
}

function onStraySignal(listener: (signal: StraySignal) => void): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => listener(signal))
}

/** While weir reads keys, Ctrl-C arrives as one of them. */
function onKeys(listener: (keys: string) => void): () => void {
  const { stdin } = process
  if (!stdin.isTTY) return () => {}
  const onData = (data: Buffer) => listener(data.toString('latin1'))
  stdin.setRawMode(true)
  stdin.on('data', onData)
  return () => {
    stdin.off('data', onData)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

const env: Env = {
  stdout: output(process.stdout),
  stderr: output(process.stderr),
  stdin: process.stdin,
  variables: process.env,
  onSignal,
  onStraySignal,
  onKeys,
  onResize: listener => void process.stdout.on('resize', listener),
}

const code = await runCommandLine(process.argv.slice(2), env)
if (failure) process.stderr.write(`error: the output is not complete: ${(failure as Error).message}\n`)
process.exit(failure && code === Exit.ok ? Exit.failed : code)
