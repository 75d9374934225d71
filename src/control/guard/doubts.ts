/**
 * Whether the files look half-written.
 *
 * Half a file is often valid YAML with fewer rules: `cp`, `kubectl … > file` and editors that save
 * in place write in parts. A half-written text cannot be told from a shorter one, so text that
 * looks half-written must rest longer before it is served (control/reloads.ts). If the change was
 * intended, that costs a second.
 */

import type { LoadedResource } from '../../config/load.ts'
import { isFromApi } from '../../config/text/read-objects.ts'
import type { SourceFile } from '../../source/files/files.ts'
import { LOSS_KINDS, type Losses } from './loss.ts'

/** Doubts that are listed. */
const TOLD_MAX = 3

/** What was read of the files at one time. */
export type Reading = {
  readonly files: readonly SourceFile[]
  readonly resources: readonly LoadedResource[]
}

/** Why `after` may be incomplete, each reason as text; empty if it looks complete. */
export function doubtsOf(before: Reading, after: Reading, losses: Losses | null): string[] {
  return [
    ...textDoubts(before.files, after.files),
    ...resourceDoubts(before, after),
    ...lossDoubts(losses),
  ].slice(0, TOLD_MAX)
}

function textDoubts(before: readonly SourceFile[], after: readonly SourceFile[]): string[] {
  const earlier = new Map(before.map(each => [each.file, each.bytes]))
  return after.flatMap(({ file, bytes }) => {
    const old = earlier.get(file)
    if (bytes instanceof Error || old === undefined || old instanceof Error) return []
    if (bytes.length < old.length && isBeginning(bytes, old))
      return [`${file} is the beginning of what it was`]
    return endsLine(old) && !endsLine(bytes) ? [`${file} ends in the middle of a line`] : []
  })
}

const isBeginning = (part: Uint8Array, whole: Uint8Array): boolean =>
  Buffer.compare(part, whole.subarray(0, part.length)) === 0

const LINE_FEED = 10
const endsLine = (bytes: Uint8Array): boolean => bytes.at(-1) === LINE_FEED

function resourceDoubts(before: Reading, after: Reading): string[] {
  const left = new Set(after.resources.map(each => each.title))
  const gone = before.resources.filter(each => !left.has(each.title) && !isFromApi(each))
  return gone.slice(0, TOLD_MAX).map(({ title, file }) => `${title} is not in ${file} any more`)
}

/** A truncated list inside a resource shows as missing rules. */
const lossDoubts = (losses: Losses | null): string[] =>
  LOSS_KINDS.flatMap(kind => losses?.[kind].named.map(({ name }) => `${name} would be ${kind}`) ?? [])
