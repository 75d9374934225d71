/** Programs of others, for tests with independent peers: whether they are here, and their runs. */

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'
import { fullOnly } from './full.ts'

export const run = promisify(execFile)

/** Debian keeps servers where only root looks. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }

/** For `test(name, { skip }, …)`: only test:full runs it, with these programs. */
export function needs(...programs: readonly string[]): string | false {
  const missing = programs.filter(name => spawnSync(name, ['--version'], { env }).error)
  return missing.length > 0 ? `needs ${missing.join(' and ')}` : fullOnly
}

/** A folder for their files, gone after the tests. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'weir-peers-'))

  constructor() {
    after(() => rmSync(this.path, { recursive: true, force: true }))
  }

  file(name: string, text: string): string {
    const path = join(this.path, name)
    writeFileSync(path, text)
    return path
  }
}

/** A program that serves, until the end of the block. */
export function started(name: string, words: readonly string[]): ChildProcess & AsyncDisposable {
  const child = spawn(name, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  })
}
