/**
 * From the status that an object has to the one that it should have: what others have written
 * stays, and a condition keeps its time until its status changes.
 */

import { isDeepStrictEqual } from 'node:util'
import { CONTROLLER } from '../resolve.ts'

type Fields = Readonly<Record<string, unknown>>
type Wanted = { readonly generation: number; readonly status: Fields }

/** Lists whose entries belong to one controller each. */
const SHARED = ['parents', 'ancestors']

/**
 * The status to write; null: nothing has to be written, or the object is newer than what was read.
 *
 * @param now       RFC 3339.
 * @param isOthers  Whether an entry of weir's controller is another weir's: they share a cluster.
 */
export function mergeStatus(
  existing: unknown,
  wanted: Wanted,
  now: string,
  isOthers: (entry: Fields) => boolean = () => false,
): Fields | null {
  const has = fieldsOf(existing)
  if (isAhead(has, wanted.generation)) return null
  const merged = Object.fromEntries(
    Object.entries(wanted.status).map(([name, value]) => {
      if (name === 'conditions') return [name, mergeConditions(has[name], value, now)]
      if (SHARED.includes(name)) return [name, mergeShared(has[name], value, now, isOthers)]
      return [name, name === 'listeners' ? mergeNamed(has[name], value, now) : value]
    }),
  )
  const whole = { ...has, ...merged }
  const isEmpty = SHARED.some(name => isEmptyList(whole[name]) && has[name] === undefined)
  return isEmpty || isDeepStrictEqual(whole, has) ? null : whole
}

/** Conditions of other types stay where they are. */
function mergeConditions(existing: unknown, wanted: unknown, now: string): Fields[] {
  const before = listOf(existing)
  const own = new Map(listOf(wanted).map(each => [each.type, each]))
  const timed = (next: Fields, last: Fields | undefined): Fields => {
    const since = last?.status === next.status ? (last?.lastTransitionTime ?? now) : now
    return { ...next, lastTransitionTime: since }
  }
  const kept = before
    .filter(each => own.has(each.type) || !OWN.includes(String(each.type)))
    .map(each => {
      const next = own.get(each.type)
      return next ? timed(next, each) : each
    })
  const added = [...own.values()].filter(each => !before.some(last => last.type === each.type))
  return [...kept, ...added.map(each => timed(each, undefined))]
}

/** Those that weir may have written, and takes away again. */
const OWN = ['OverlappingTLSConfig']

/** Listeners: all of them are weir's. */
function mergeNamed(existing: unknown, wanted: unknown, now: string): Fields[] {
  const before = new Map(listOf(existing).map(each => [each.name, each]))
  return listOf(wanted).map(each => ({
    ...each,
    conditions: mergeConditions(before.get(each.name)?.conditions, each.conditions, now),
  }))
}

/**
 * Entries of others stay as they are. All stay where they are: two that write would else change
 * the order for each other.
 */
function mergeShared(
  existing: unknown,
  wanted: unknown,
  now: string,
  isOthers: (entry: Fields) => boolean,
): Fields[] {
  const next = listOf(wanted)
  const used = new Set<Fields>()
  const timed = (each: Fields, last?: Fields): Fields => ({
    ...each,
    conditions: mergeConditions(last?.conditions, each.conditions, now),
  })
  const kept = listOf(existing).flatMap(each => {
    if (each.controllerName !== CONTROLLER || isOthers(each)) return [each]
    const same = next.find(other => !used.has(other) && isSameParent(other, each))
    if (!same) return []
    used.add(same)
    return [timed(same, each)]
  })
  return [...kept, ...next.filter(each => !used.has(each)).map(each => timed(each))]
}

const isSameParent = (left: Fields, right: Fields): boolean =>
  isDeepStrictEqual(left.parentRef, right.parentRef) && isDeepStrictEqual(left.ancestorRef, right.ancestorRef)

/** Whether a condition of weir's is about a later generation: this process has not read it yet. */
function isAhead(status: Fields, generation: number): boolean {
  const own = SHARED.flatMap(name => listOf(status[name])).filter(each => each.controllerName === CONTROLLER)
  const all = [status, ...listOf(status.listeners), ...own].flatMap(each => listOf(each.conditions))
  return all.some(each => Number(each.observedGeneration ?? 0) > generation)
}

const fieldsOf = (value: unknown): Fields => Object(value) as Fields
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : [])
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0
