/**
 * `weir top`: watches a running gateway, on a terminal of 80 columns or more.
 *
 * A frame needs two samples: a rate is the difference of counters divided by the difference of the
 * gateway's clock. Without a terminal, it writes one frame and ends.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'
import { frameLines, type Look } from './frame.ts'
import type { Routes } from './routes.ts'
import type { Summary } from './status.ts'

export type TopFlags = { readonly interval: number }

/** The number of requested rules: more than a tall terminal shows. */
const RULES_MAX = 200

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const REST_OF_LINE = '\u001b[K'
const REST_OF_SCREEN = '\u001b[J'
const QUITS: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u001b'])

export async function top(client: Client, { interval }: TopFlags, env: Env): Promise<number> {
  const first = await look(client)
  if (!env.stdout.isTTY) {
    await pause(interval)
    write(frameLines(first, await look(client), { columns: 80, rows: Number.POSITIVE_INFINITY }), env)
    return Exit.ok
  }
  const quit = new AbortController()
  env.onSignal(() => quit.abort())
  const restore = env.onKeys(keys => {
    if (QUITS.has(keys)) quit.abort()
  })
  env.stdout.write(ENTER)
  try {
    await draw(client, first, interval, quit.signal, env)
  } finally {
    env.stdout.write(LEAVE)
    restore()
  }
  return Exit.ok
}

async function draw(
  client: Client,
  first: Look,
  interval: number,
  quit: AbortSignal,
  env: Env,
): Promise<void> {
  const quits = Promise.withResolvers<null>()
  quit.addEventListener('abort', () => quits.resolve(null))
  for (let before = first; !quit.aborted; ) {
    await pause(interval, undefined, { signal: quit }).catch(() => {})
    if (quit.aborted) return
    const now = await Promise.race([look(client), quits.promise]) // a gateway that hangs must not block the exit
    if (now === null) return
    const { columns, rows } = env.stdout.size
    const lines = frameLines(before, now, { columns, rows })
    env.stdout.write(HOME + lines.map(line => line + REST_OF_LINE).join('\r\n') + REST_OF_SCREEN)
    before = now
  }
}

async function look(client: Client): Promise<Look> {
  const [summary, routes] = await Promise.all([
    client.get<Summary>('/summary'),
    client.get<Routes>('/routes', { order: 'hits', limit: RULES_MAX }),
  ])
  return { where: client.where, summary, routes }
}

const write = (lines: readonly string[], env: Env): void =>
  env.stdout.write(lines.map(line => `${line}\n`).join(''))
