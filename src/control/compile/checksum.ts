/** Which bytes were read: a digest of all files, and of the objects of an API beside them. */

import { createHash } from 'node:crypto'
import { keyedDigest } from '../../base/keyed-digest.ts'
import { maySecret } from '../../config/text/secret-text.ts'
import type { SourceFile } from '../../source/files/files.ts'

export const digestOfBoth = (files: string, objects: string): string =>
  createHash('sha256').update(files).update(objects).digest('hex')

export function checksumOf(files: readonly SourceFile[]): string {
  const digest = createHash('sha256')
  for (const part of files.flatMap(({ file, bytes }) => [file, contentOf(bytes)]))
    digest.update(`${part.length}:`).update(part)
  return digest.digest('hex')
}

/** Of Secrets only what nobody can guess them by: the checksum is shown. */
function contentOf(bytes: SourceFile['bytes']): string | Uint8Array {
  if (bytes instanceof Error) return bytes.message
  return maySecret(Buffer.from(bytes).toString('latin1')) ? keyedDigest([bytes]) : bytes
}
