/**
 * What a cluster had, on disk: served at a start while the API server is away.
 *
 * Secrets are never written. The file is replaced as a whole, and only its owner may read it.
 */

import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pack, unpack } from 'msgpackr'
import { wallNowMs } from '../../base/clock.ts'
import { makeFolder } from '../../base/make-folder.ts'
import type { Kept } from './objects.ts'

const FILE = 'cluster.cache'
/** Raised when what is kept of objects changes. */
const FORMAT = 1
/** Written at most this often, and when weir ends. */
export const CACHE_EVERY_MS = 30_000

type Content = {
  readonly format: number
  readonly server: string
  readonly savedMs: number
  readonly objects: readonly Kept[]
}

export class ClusterCache {
  readonly #folder: string
  readonly #server: string

  /** @param server  Another server's cache is none. */
  constructor(folder: string, server: string) {
    this.#folder = folder
    this.#server = server
  }

  /** What was saved last, and how long ago; null: nothing usable. */
  read(): { readonly objects: readonly Kept[]; readonly ageMs: number } | null {
    try {
      const content = unpack(readFileSync(join(this.#folder, FILE))) as Content
      if (content.format !== FORMAT || content.server !== this.#server) return null
      return { objects: content.objects, ageMs: wallNowMs() - content.savedMs }
    } catch {
      return null // none yet, or half of one
    }
  }

  /** @throws if it cannot be written. */
  write(objects: Iterable<Kept>): void {
    const kept = [...objects].filter(({ object }) => object.kind !== 'Secret')
    const content: Content = { format: FORMAT, server: this.#server, savedMs: wallNowMs(), objects: kept }
    makeFolder(this.#folder, 0o700)
    const aside = join(this.#folder, `${FILE}.${process.pid}`)
    writeFileSync(aside, pack(content), { mode: 0o600 })
    chmodSync(aside, 0o600) // if it was there before
    renameSync(aside, join(this.#folder, FILE))
  }
}
