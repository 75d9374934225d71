/**
 * Changes a configuration as a careful operator does: a whole new file takes the place of the old
 * one at once.
 */

import { renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Beside the file and beginning with a dot: no configuration as long as it lies there. */
const nextTo = (file: string): string => join(dirname(file), '.next')

/** Writes `text` beside `file`; what it returns puts it in the place of `file`. */
export function prepareChange(file: string, text: string): () => void {
  writeFileSync(nextTo(file), text)
  return () => renameSync(nextTo(file), file)
}
