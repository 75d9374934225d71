/**
 * Where `run` writes its log: lines that cannot be written are lost, counted, and told of once
 * others can be.
 *
 * Neither a disk that is full nor a reader that has stopped may end a gateway, or fill its memory:
 * without a log it serves as well as with one.
 */

import type { Output } from './env.ts'

/** Bytes of the log that wait for a reader: some thousand lines. */
const WAITING_MAX = 1_048_576

/** How many lines were lost in a row, and why the last one was. */
export type LostLines = { readonly lines: number; readonly why: string }

export function logOutput(
  stdout: Pick<Output, 'write' | 'waiting'>,
  onLost: (lost: LostLines) => void,
): (line: string) => void {
  let lines = 0
  let why = ''
  let isTorn = false // the kernel may have taken a part of the line before the first that failed
  const lose = (reason: string): void => {
    lines++
    why = reason
  }
  const written = (error: NodeJS.ErrnoException | null): void => {
    if (error) {
      isTorn = true
      lose(error.code ?? error.message)
    } else if (lines > 0) {
      const lost = { lines, why }
      lines = 0 // first: this writes, too
      onLost(lost)
    }
  }
  return line => {
    if (stdout.waiting > WAITING_MAX) return lose('its reader has stopped')
    const text = isTorn ? `\n${line}` : line
    isTorn = false
    stdout.write(text, written)
  }
}
