/** Connections in `weir top`: open ones, or those that ended last, of a rule and an endpoint. */

import { parseCidr } from '../../../address/address.ts'
import { wallNowMs } from '../../../base/clock.ts'
import type { Client } from '../client.ts'
import { clientText, type Ended, type Listed, lastCells, type Open, targetText } from '../connections.ts'
import { bytesText, countText, durationText } from '../format.ts'
import type { Column, Page, Row } from './list.ts'
import { type Level, orderOf, type Place, showOf } from './state.ts'

/** As many are looked at for one picture; sorting concerns these. */
const MOST = 1_000
/** An answer may have few of a filter, and still a next page. */
const PAGES = 8

type Connections = Extract<Place, { kind: 'connections' }>
type Answer = { readonly next: string | null; readonly connections: readonly (Open | Ended)[] }

const columnsOf = (isEnded: boolean): readonly Column[] => [
  { title: 'CLIENT', drop: 0, order: 'client' },
  isEnded ? { title: 'REASON', cutTo: 12, drop: 1 } : { title: 'STATE', cutTo: 9, drop: 1 },
  { title: isEnded ? 'LASTED' : 'AGE', isRight: true, least: 8, drop: 2, order: isEnded ? 'lasted' : 'age' },
  {
    title: isEnded ? 'AGO' : 'IDLE',
    isRight: true,
    least: 8,
    drop: 4,
    order: isEnded ? 'the last first' : 'idle',
  },
  { title: 'FROM', isRight: true, least: 7, drop: 5, order: 'bytes' },
  { title: 'SENT', isRight: true, least: 7, drop: 6 },
  { title: 'TO', cutTo: 15, drop: 3 },
  { title: 'RULE', cutTo: 12, drop: 7 },
]

export async function lookAtConnections(client: Client, level: Level, place: Connections): Promise<Page> {
  const { rule, endpoint, isEnded } = place
  const state = showOf(level)
  const query = {
    ...(rule === null ? {} : { rule }),
    ...(endpoint === null ? {} : { endpoint }),
    ...(state === 'all' ? {} : { state }),
    ...(isAddress(level.filter) ? { client: level.filter } : {}),
    limit: MOST,
  }
  const found: (Open | Ended)[] = []
  let cursor: string | null = null
  for (let pages = 0; pages < PAGES && found.length < MOST; pages++) {
    const path = isEnded ? '/connections/ended' : '/connections'
    const answer: Answer = await client.get(path, { ...query, ...(cursor === null ? {} : { cursor }) })
    found.push(...answer.connections)
    cursor = answer.next
    if (cursor === null) break
  }
  return connectionsPage(found, cursor !== null, level, place)
}

/** Whether the gateway understands it as a client: what is half typed is searched for here. */
function isAddress(filter: string): boolean {
  const [, bare = filter] = /^\[?([^\]]*?)\]?:\d{1,5}$/.exec(filter) ?? []
  return parseCidr(filter) !== null || parseCidr(bare) !== null
}

export function connectionsPage(
  found: readonly (Open | Ended)[],
  hasMore: boolean,
  level: Level,
  { rule, endpoint, isEnded }: Connections,
): Page {
  const words = isAddress(level.filter) ? [] : level.filter.toLowerCase().split(/\s+/).filter(Boolean)
  const wanted = found.filter(each => {
    const text = `${clientText(each)} ${targetText(each)} ${lastCells(each).at(-1)}`.toLowerCase()
    return words.every(word => text.includes(word))
  })
  const of = [...(rule === null ? [] : [`of ${rule}`]), ...(endpoint === null ? [] : [`at ${endpoint}`])]
  return {
    head: [isEnded ? 'Ended last' : 'Open connections', ...of].join(' '),
    total: wanted.length,
    first: 0,
    more: hasMore ? `more than ${countText(MOST)}: give a client's address or range as the filter` : '',
    empty: isEnded ? 'None has ended like that.' : 'None is open.',
    columns: columnsOf(isEnded),
    counts: new Map(),
    rows: () => sorted(wanted, level).map(rowOf),
  }
}

const isOver = (each: Open | Ended): each is Ended => 'reason' in each
const lastedOf = (each: Open | Ended): number => (isOver(each) ? each.lastedMs : each.ageMs)
const restedOf = (each: Open | Ended): number =>
  isOver(each) ? Math.max(0, wallNowMs() - Date.parse(each.endedAt)) : each.idleMs
const bytesOf = (each: Listed): number => each.fromClientBytes + each.toClientBytes

function sorted(found: readonly (Open | Ended)[], level: Level): (Open | Ended)[] {
  const order = orderOf(level)
  const measure: Readonly<Record<string, (each: Open | Ended) => number>> = {
    age: lastedOf,
    lasted: lastedOf,
    idle: restedOf,
    bytes: bytesOf,
  }
  const by = measure[order]
  const list =
    by !== undefined
      ? found.toSorted((a, b) => by(b) - by(a))
      : order === 'client'
        ? found.toSorted((a, b) => clientText(a).localeCompare(clientText(b), 'en', { numeric: true }))
        : [...found]
  return level.isReversed ? list.reverse() : list
}

function rowOf(each: Open | Ended): Row {
  const { client, fromClientBytes, toClientBytes } = each
  return {
    key: `${each.worker}.${each.id}.${client}`,
    cells: [
      clientText(each),
      isOver(each) ? `${each.reason}${each.errno === null ? '' : ` ${each.errno}`}` : each.state,
      durationText(lastedOf(each)),
      durationText(restedOf(each)),
      bytesText(fromClientBytes),
      bytesText(toClientBytes),
      targetText(each),
      lastCells(each).at(-1) ?? '',
    ],
    enter: client === null ? null : { kind: 'why', client },
  }
}
