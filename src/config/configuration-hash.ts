/**
 * A digest of what is configured: equal on every replica that reads the same, in whatever files.
 *
 * Nothing in it changes by itself or tells a secret: of Secrets only the names count (a digest of
 * theirs is keyed, another one in each process), and of Pods, Nodes and endpoints nothing at all.
 */

import { hash } from 'node:crypto'

type Read = { readonly title: string; readonly digest: string }

const BY_THEMSELVES = ['Pod', 'Node', 'Endpoints', 'EndpointSlice']
/** Enough to tell configurations apart, and to be read aloud. */
const DIGITS = 12

const known = new WeakMap<readonly Read[], string>()

export function configurationHash(resources: readonly Read[]): string {
  const before = known.get(resources)
  if (before !== undefined) return before
  const lines = resources
    .map(({ title, digest }) => ({ title, digest, kind: title.slice(0, title.indexOf(' ')) }))
    .filter(({ kind }) => !BY_THEMSELVES.includes(kind))
    .map(({ title, digest, kind }) => (kind === 'Secret' ? title : `${title} ${digest}`))
    .sort()
  const found = hash('sha256', lines.join('\n')).slice(0, DIGITS)
  known.set(resources, found)
  return found
}
