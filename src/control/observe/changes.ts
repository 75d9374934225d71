/** The differences between two configurations, by title and by listener, for the log. */

import type { LoadedResource } from '../../config/load.ts'

export type Changes = {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

export function changedResources(
  before: readonly LoadedResource[],
  after: readonly LoadedResource[],
): Changes {
  const old = digests(before)
  const now = digests(after)
  return {
    ...changedKeys(old.keys(), now.keys()),
    changed: [...now]
      .filter(([title, digest]) => old.has(title) && old.get(title) !== digest)
      .map(([title]) => title),
  }
}

export function changedKeys(before: Iterable<string>, after: Iterable<string>): Omit<Changes, 'changed'> {
  const old = new Set(before)
  const now = new Set(after)
  return { added: [...now.difference(old)], removed: [...old.difference(now)] }
}

const digests = (resources: readonly LoadedResource[]): Map<string, string> =>
  new Map(resources.map(({ title, digest }) => [title, digest]))
