/**
 * Open connections on a socket that stays open, whose server name no server there takes any more:
 * those that reconnect would be refused. Found on the main thread, as in policy-losses.ts.
 */

import type { LoadedResource } from '../../config/load.ts'
import { Flags, Live, Stage } from '../../stats/connections.ts'
import { nameOf } from '../../stats/row-names.ts'
import { Scope } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { listenerOf } from '../../table/match/listener-of.ts'
import { createQuery } from '../../table/match/query.ts'
import type { Observer } from '../observe/observer.ts'
import { LOSS_KINDS, type Loss, type Losses, ofKind } from './loss.ts'

/** The losses of a change and the connections without a server; null: nothing. */
export function withUnserved(
  losses: Losses | null,
  resources: readonly LoadedResource[],
  openAfter: () => Table,
  observer: Observer,
  before: Table,
): Losses | null {
  if (!asksNames(before)) return losses
  const unserved = findUnserved(observer, before, openAfter())
  if (unserved.size === 0) return losses
  const open = observer.live.count()
  const lost = [...unserved].map(([row, count]): Loss => {
    const { key, gateway } = before.sockets[row]
    const found = resources.find(each => each.title === `Gateway ${gateway}`)
    const at = found ?? resources[0]
    return {
      name: key,
      at: { file: at?.file ?? 'configuration', line: at?.line ?? 1, resource: found?.title ?? null },
      missing: [],
      change: `has no server any more for ${count} of ${open} open connections`,
      open: count,
      keys: [],
      widerKeys: [],
    }
  })
  const none = Object.fromEntries(LOSS_KINDS.map(kind => [kind, ofKind([])])) as Losses
  const total = lost.reduce((sum, each) => sum + (each.open ?? 0), 0)
  return { ...(losses ?? none), unserved: { ...ofKind(lost), open: total } }
}

/** How many connections have no server any more, by the listener that takes them before. */
function findUnserved({ live, generations }: Observer, before: Table, after: Table): Map<number, number> {
  const query = createQuery()
  const counts = new Map<number, number>()
  const [old, now] = [rowsByPlace(before), rowsByPlace(after)]
  const keys = new Set(after.sockets.map(each => each.key))
  const serverIn = (table: Table, row: number | undefined): number => {
    query.listener = row ?? -1
    return row === undefined ? -1 : listenerOf(table, query)
  }
  live.visit(words => {
    if (words[Live.state] === Stage.reading) return true // it has yet to say its name
    const own = generations.table(words[Live.generation])?.sockets[words[Live.listener]]
    const next = own && now.get(placeOf(own))
    if (own === undefined || next === undefined) return true // a socket that closes is another loss
    query.isTls = (words[Live.flags] & Flags.tls) !== 0
    query.serverName = nameOf(words, 0)
    const server = serverIn(before, old.get(placeOf(own)))
    if (server < 0 || serverIn(after, next) >= 0 || !keys.has(before.sockets[server].key)) return true
    counts.set(server, (counts.get(server) ?? 0) + 1)
    return true
  })
  return counts
}

function asksNames({ scopes }: Table): boolean {
  for (let at = 0; at < scopes.length; at += Scope.WORDS) if (scopes[at + Scope.byName] !== 0) return true
  return false
}

const placeOf = ({ bind, port }: { readonly bind: string; readonly port: number }): string =>
  `${bind} ${port}`

const rowsByPlace = ({ sockets }: Table): Map<string, number> =>
  new Map(sockets.flatMap((each, row) => (each.opens ? [[placeOf(each), row] as const] : [])))
