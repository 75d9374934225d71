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
  let isTelling = false // what is written now tells of them
  let told = 0 // as many as the line said that is being written
  let isTorn = false // the kernel may have taken a part of the line before the first that failed
  const lose = (reason: string): void => {
    lines++
    why = reason
  }
  const isFull = (): boolean => stdout.waiting > WAITING_MAX
  const tell = (): void => {
    if (lines === 0 || told > 0 || isFull()) return
    isTelling = true
    onLost({ lines, why })
    isTelling = false
  }
  const put = (line: string, done: (error: NodeJS.ErrnoException | null) => void): void => {
    const text = isTorn ? `\n${line}` : line
    isTorn = false
    stdout.write(text, error => {
      if (error) isTorn = true
      done(error)
    })
  }
  const putTelling = (line: string): void => {
    told = lines
    put(line, error => {
      if (!error) lines -= told // else they are told of again
      told = 0
    })
  }
  return line => {
    if (isTelling) putTelling(line)
    else if (isFull()) lose('its reader has stopped')
    else put(line, error => (error ? lose(error.code ?? error.message) : tell()))
  }
}
