/**
 * `weir diff --log`: where the connections of an access log would go by these files. It needs no
 * gateway.
 *
 *   12 034 connections: 11 900 would go where they went, 120 elsewhere, 14 refused
 *     120  default/echo tcp[2]  echo:9000 subset gray → echo:9000 subset prod
 *          3 clients: 10.0.0.7 (100), 10.0.0.8 (19), 10.0.0.9 (1)
 *   not replayed, 2 lines: no line of an access log
 */

import { readLine } from '../access-log/read-line.ts'
import { printable } from '../base/printable.ts'
import { LOG_FATES, type LogMove, LogReplay, NOT_REPLAYED } from '../control/guard/replay-log.ts'
import type { Sources } from '../source/files/files.ts'
import { type Env, Exit } from './env.ts'
import { loadTable } from './explain-files.ts'
import { linesOfLog } from './lines-of.ts'
import { countText, plural } from './live/format.ts'

/** Moves and clients of each that the text shows; JSON has more of them. */
const MOVES_SHOWN = 100
const CLIENTS_SHOWN = 5
const CLIENTS_MAX = 1_000

export async function diffLog(
  sources: Sources,
  logs: readonly string[],
  { output }: { readonly output: 'text' | 'json' },
  env: Env,
): Promise<number> {
  const loaded = loadTable(sources, env)
  if (loaded === null) return Exit.failed
  const replay = new LogReplay(loaded.table)
  for (const log of new Set(logs)) {
    try {
      for await (const line of linesOfLog(log, env)) if (line !== '') replay.take(readLine(line))
    } catch (error) {
      env.stderr.write(`error: --log ${log}: ${error instanceof Error ? error.message : String(error)}\n`)
      return Exit.usage
    }
  }
  const text = output === 'json' ? JSON.stringify(asJson(replay), null, 2) : linesOfReplay(replay).join('\n')
  env.stdout.write(`${text}\n`)
  return Exit.ok
}

function asJson(replay: LogReplay) {
  const { fates, notReplayed, more } = replay
  return {
    connections: sum(fates),
    ...fates,
    notReplayed,
    moves: replay.moves.map(({ clients, ...move }) => ({
      ...move,
      clients: { total: clients.size, list: mostFirst(clients).slice(0, CLIENTS_MAX) },
    })),
    more,
  }
}

const WORDS: { readonly [fate in (typeof LOG_FATES)[number]]: string } = {
  same: 'would go where they went',
  elsewhere: 'elsewhere',
  refused: 'refused',
  denied: 'denied by a policy',
  unlistened: 'to no listener',
  served: 'served, which went nowhere',
}

function linesOfReplay(replay: LogReplay): string[] {
  const { fates, notReplayed, moves, more } = replay
  const told = LOG_FATES.filter(fate => fate === 'same' || fates[fate] > 0)
  const hidden = moves.slice(MOVES_SHOWN).reduce((all, { connections }) => all + connections, more)
  return [
    `${plural(sum(fates), 'connection')}: ${told.map(fate => `${countText(fates[fate])} ${WORDS[fate]}`).join(', ')}`,
    ...moves.slice(0, MOVES_SHOWN).flatMap(moveLines),
    ...(hidden === 0 ? [] : [`  and ${countText(hidden)} more: see --output json`]),
    ...(Object.keys(NOT_REPLAYED) as (keyof typeof NOT_REPLAYED)[])
      .filter(why => notReplayed[why] > 0)
      .map(why => `not replayed, ${plural(notReplayed[why], 'line')}: ${NOT_REPLAYED[why]}`),
  ]
}

function moveLines({ connections, fate, rule, from, to, clients }: LogMove): string[] {
  const count = countText(connections)
  const where = to.length === 0 ? WORDS[fate] : to.join(' or ')
  const shown = mostFirst(clients).slice(0, CLIENTS_SHOWN)
  const list = shown.map(each => `${each.client || 'others'} (${countText(each.connections)})`)
  const rest = clients.size - shown.length
  return [
    `  ${count}  ${rule ?? 'no rule'}  ${from} → ${where}`,
    `  ${''.padEnd(count.length)}  ${plural(clients.size, 'client')}: ${list.join(', ')}${rest > 0 ? `, and ${countText(rest)} more` : ''}`,
  ].map(printable)
}

const mostFirst = (clients: ReadonlyMap<string, number>) =>
  [...clients]
    .map(([client, connections]) => ({ client, connections }))
    .sort((a, b) => b.connections - a.connections)

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((all, count) => all + count, 0)
