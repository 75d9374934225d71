/**
 * The history of reloads in a folder, so that it outlives a restart: one file of JSON, replaced as
 * a whole.
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../base/make-folder.ts'

/** The form of the file; another one is not read. */
const VERSION = 1
const NAME = 'reloads.json'

/** @template Reload  A reload, as history.ts has it. */
export class HistoryFile<Reload> {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The reloads of earlier processes, newest first; none if there is no such file yet. */
  read(): Reload[] {
    try {
      const { version, reloads } = JSON.parse(readFileSync(join(this.#folder, NAME), 'utf8'))
      return version === VERSION && Array.isArray(reloads) ? reloads : []
    } catch {
      return []
    }
  }

  /** Why it could not; null: it could. */
  write(reloads: readonly Reload[]): string | null {
    const file = join(this.#folder, NAME)
    try {
      makeFolder(this.#folder)
      writeFileSync(`${file}.new`, `${JSON.stringify({ version: VERSION, reloads })}\n`, { mode: 0o640 })
      renameSync(`${file}.new`, file)
      return null
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
}
