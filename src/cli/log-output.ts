/**
 * Where `run` writes its log: lines that cannot be written are lost, counted, and told of once
 * others can be.
 *
 * A disk that is full must not end a gateway: without a log it serves as well as with one.
 */

import type { Output } from './env.ts'

/** How many lines were lost in a row, and the error of the last one. */
export type LostLines = { readonly lines: number; readonly why: string }

export function logOutput(
  stdout: Pick<Output, 'write'>,
  onLost: (lost: LostLines) => void,
): (line: string) => void {
  let lines = 0
  let why = ''
  const written = (error: NodeJS.ErrnoException | null): void => {
    if (error) {
      lines++
      why = error.code ?? error.message
    } else if (lines > 0) {
      const lost = { lines, why }
      lines = 0 // first: this writes, too
      onLost(lost)
    }
  }
  return line => stdout.write(lines > 0 ? `\n${line}` : line, written) // the last one may be torn
}
