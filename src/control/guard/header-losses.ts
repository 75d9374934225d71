/**
 * What connections lose by a change of PROXY headers: which header a listener reads and from whom,
 * and which header a destination gets.
 *
 * If a load balancer or a server disagrees with weir, every connection between them breaks. A
 * change that only admits more is not reported.
 */

import { contains, formatCidr } from '../../address/address.ts'
import type { LoadedResource } from '../../config/load.ts'
import { readsSame, readsText } from '../../table/explain/reads-text.ts'
import type { ReadsProxy, WrittenAt } from '../../table/plan/plan.ts'
import { type Loss, lossOf } from './loss.ts'
import type { Snapshot } from './snapshot.ts'

type HeaderChange = {
  /** A listener's key, or a destination. */
  readonly name: string
  readonly change: string
  /** Its place now, or its former place; null if unknown. */
  readonly at: WrittenAt | null
}

/**
 * The changes as losses.
 *
 * @param kind    Of the resource with the setting, which is named if the file has only one of that
 * kind.
 * @param keysOf  The keys of a listener's or a destination's connections.
 */
export const headerLosses = (
  changes: readonly HeaderChange[],
  kind: 'Settings' | 'DestinationRule',
  resources: readonly LoadedResource[],
  keysOf: (name: string) => readonly string[],
): Loss[] =>
  changes.map(({ name, change, at }) => ({
    ...lossOf(name, placeOf(at, kind, resources), keysOf(name)),
    change,
  }))

function placeOf(at: HeaderChange['at'], kind: string, resources: readonly LoadedResource[]): Loss['at'] {
  const { file, line } = at ?? resources[0] ?? { file: 'configuration', line: 1 }
  const inFile = resources.filter(each => each.file === file && each.title.startsWith(`${kind} `))
  const [title, ...others] = new Set(inFile.map(each => each.title))
  return { file, line, resource: others.length === 0 && title !== undefined ? title : null }
}

/** Listeners that exist before and after, and read something else. */
export function changedReads(old: Snapshot, now: Snapshot): HeaderChange[] {
  const names = [...now.listeners].filter(name => old.listeners.has(name))
  return names.flatMap(name => {
    const [before, after] = [old.reads.get(name) ?? null, now.reads.get(name) ?? null]
    if (takesNothing(before, after)) return []
    const change = `${readsText(after, before)}; before, it ${readsText(before, after)}`
    return [{ name, change, at: after?.at ?? before?.at ?? null }]
  })
}

/** Destinations that exist before and after, and get another header. */
export function changedSends(old: Snapshot, now: Snapshot): HeaderChange[] {
  const names = new Set([...old.sends.keys(), ...now.sends.keys()])
  return [...names].flatMap(name => {
    const [before, after] = [old.sends.get(name), now.sends.get(name)]
    const isKept = old.destinations.has(name) && now.destinations.has(name)
    if (!isKept || before?.version === after?.version) return []
    const change = `gets ${headerText(after)} first; before, ${headerText(before)}`
    return [{ name, change, at: after?.at ?? before?.at ?? null }]
  })
}

const headerText = (sent: { readonly version: number } | undefined): string =>
  sent ? `a PROXY header of version ${sent.version}` : 'no PROXY header'

/** Whether every connection that could be served before can be served after. */
function takesNothing(before: ReadsProxy | null, after: ReadsProxy | null): boolean {
  if (readsSame(before, after)) return true
  if (before === null || after === null) return false
  if (before.versions.some(each => !after.versions.includes(each))) return false
  if (after.timeoutMs < before.timeoutMs || !covers(after, before)) return false
  return before.require || (!after.require && covers(before, after))
}

const covers = (wide: ReadsProxy, narrow: ReadsProxy): boolean => {
  const same = new Set(wide.from.map(formatCidr))
  return narrow.from.every(
    each =>
      same.has(formatCidr(each)) ||
      wide.from.some(other => other.bits <= each.bits && contains(other, each.family, each.words)),
  )
}
