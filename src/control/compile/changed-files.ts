/**
 * The files that differ from those of the served configuration, with the names by which git knows
 * what is in them: so `weir reloads` finds the commit of a reload, also later.
 */

import { createHash } from 'node:crypto'
import { maySecret } from '../../config/text/secret-text.ts'
import type { SourceFile } from '../../source/files/files.ts'

/** Files that are listed. */
const FILES_MAX = 100

export type ChangedFile = {
  readonly file: string
  /**
   * git's SHA-1 of its content; null: it is gone, unreadable, or has a Secret that could be
   * guessed.
   */
  readonly blob: string | null
}

export function changedFiles(before: readonly SourceFile[], after: readonly SourceFile[]): ChangedFile[] {
  const [old, now] = [before, after].map(files => new Map(files.map(({ file, bytes }) => [file, bytes])))
  const names = [...new Set([...now.keys(), ...old.keys()])]
  return names
    .filter(file => !isSame(old.get(file), now.get(file)))
    .slice(0, FILES_MAX)
    .map(file => ({ file, blob: blobOf(now.get(file)) }))
}

type Content = SourceFile['bytes'] | undefined

function isSame(a: Content, b: Content): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  return a === b || (a instanceof Error && b instanceof Error && a.message === b.message)
}

/** gitformat-pack(5): the hash of "blob", the length, a zero byte and the content. */
function blobOf(bytes: Content): string | null {
  if (!(bytes instanceof Uint8Array) || maySecret(Buffer.from(bytes).toString('latin1'))) return null
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}
