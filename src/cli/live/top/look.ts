/** One look at the gateway: its summary, and the page of the list that is shown. */

import type { Client } from '../client.ts'
import type { Summary } from '../status.ts'
import type { Page, Rates } from './list.ts'
import { lookAtRules } from './rules.ts'
import type { Level } from './state.ts'

export type Look = {
  readonly where: string
  /** What was asked for. */
  readonly level: Level
  readonly summary: Summary
  readonly page: Page
}

export async function look(client: Client, level: Level): Promise<Look> {
  const [summary, page] = await Promise.all([client.get<Summary>('/summary'), pageOf(client, level)])
  return { where: client.where, level, summary, page }
}

/** What the first picture does not need is loaded when it is needed. */
async function pageOf(client: Client, level: Level): Promise<Page> {
  const { place } = level
  switch (place.kind) {
    case 'rules':
      return await lookAtRules(client, level)
    case 'endpoints':
      return await (await import('./endpoints.ts')).lookAtEndpoints(client, level, place.rule)
    case 'connections':
      return await (await import('./connections.ts')).lookAtConnections(client, level, place)
    case 'why':
      return await lookAtOne(client, level, place.client)
  }
}

/** Connections that one client had lately, in words. */
const CONNECTIONS = 5

async function lookAtOne(client: Client, { filter }: Level, who: string): Promise<Page> {
  const [{ answersOf }, { whyLines }] = await Promise.all([import('../why.ts'), import('../../why-text.ts')])
  const answers = await answersOf(client, who, CONNECTIONS)
  const lines = answers.flatMap(({ connection, now }) => [...whyLines(connection, now), ''])
  const shown = lines.filter(line => line.toLowerCase().includes(filter.toLowerCase()))
  return {
    head: `Why ${who}`,
    total: shown.length,
    first: 0,
    more: '',
    empty: 'It is no longer among the last that ended.',
    columns: [{ title: '', drop: 0 }],
    counts: new Map(),
    isText: true,
    rows: () => shown.map((line, index) => ({ key: String(index), cells: [line], enter: null })),
  }
}

/** How much time two looks need between them, so that a rate is more than noise. */
const LEAST_MS = 200

/**
 * The look that rates are counted from: the last one that is old enough, of the same process; null:
 * there is none.
 */
export const baseOf = (before: readonly Look[], now: Look): Look | null =>
  before.findLast(each => now.summary.monotonicMs - each.summary.monotonicMs >= LEAST_MS) ?? null

/** A row that was not there, or that is counted anew, has no rate yet. */
export function ratesOf(before: Look | null, now: Look): Rates {
  if (before === null) return () => null
  const seconds = (now.summary.monotonicMs - before.summary.monotonicMs) / 1000
  return key => {
    const [was, is] = [before.page.counts.get(key), now.page.counts.get(key)]
    if (was === undefined || is === undefined || was.since !== is.since) return null
    const perSecond = (from: number, to: number): number => Math.max(0, to - from) / seconds
    return {
      connections: perSecond(was.connections, is.connections),
      bytes: perSecond(was.bytes, is.bytes),
    }
  }
}
