/**
 * Open connections whose endpoint a change removes, and which then end
 * (`gateway.weir/on-remove: close`). Found on the main thread, as in policy-losses.ts.
 */

import type { LoadedResource } from '../../config/load.ts'
import type { Observer } from '../observe/observer.ts'
import {
  type ClosingDestinations,
  isRemoved,
  mayRemove,
  type RemovedFrom,
  removalJudge,
} from '../workers/removal-judge.ts'
import { LOSS_KINDS, type Loss, type Losses, ofKind } from './loss.ts'

/** The losses of a change and the connections that it ends; null: nothing. */
export function withEnded(
  losses: Losses | null,
  resources: readonly LoadedResource[],
  after: ClosingDestinations,
  observer: Observer,
  before: ClosingDestinations,
): Losses | null {
  if (!mayRemove(before, after)) return losses
  const ended = findEnded(observer, before, after)
  if (ended.size === 0) return losses
  const open = observer.live.count()
  const lost = [...ended.values()].map(({ removed: { endpoint, key, closing }, count }): Loss => {
    const { file, line } = closing.at
    const found = resources.find(each => each.file === file && each.title.startsWith('DestinationRule '))
    return {
      name: `${endpoint} of ${key}`,
      at: { file, line, resource: found?.title ?? null },
      missing: [],
      change: `is removed: ${count} of ${open} open connections end over ${closing.overMs / 1000} s`,
      open: count,
      keys: [],
      widerKeys: [],
    }
  })
  const none = Object.fromEntries(LOSS_KINDS.map(kind => [kind, ofKind([])])) as Losses
  const total = lost.reduce((sum, each) => sum + (each.open ?? 0), 0)
  return { ...(losses ?? none), ended: { ...ofKind(lost), open: total } }
}

type Ended = { readonly removed: RemovedFrom; count: number }

/** By endpoint and destination; without those that end already. */
function findEnded(
  observer: Observer,
  before: ClosingDestinations,
  after: ClosingDestinations,
): Map<string, Ended> {
  const [was, is] = [removalJudge(observer, before), removalJudge(observer, after)]
  const ended = new Map<string, Ended>()
  observer.live.visit(words => {
    const removed = is(words)
    if (!isRemoved(removed) || isRemoved(was(words))) return true
    ended.getOrInsertComputed(`${removed.endpoint} ${removed.key}`, () => ({ removed, count: 0 })).count++
    return true
  })
  return ended
}
