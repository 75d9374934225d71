/**
 * Changes a configuration as a careful operator does: a complete new file replaces the old one at
 * once.
 */

import { renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Beside the file and beginning with a dot: not part of the configuration yet. */
const nextTo = (file: string): string => join(dirname(file), '.next')

/** Writes `text` beside `file`; returns what moves it into place. */
export function prepareChange(file: string, text: string): () => void {
  writeFileSync(nextTo(file), text)
  return () => renameSync(nextTo(file), file)
}
