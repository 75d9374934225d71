/**
 * `weir top`: watches a running gateway, on a terminal of 80 columns or more.
 *
 * A rate needs two samples: the difference of counters divided by the difference of the gateway's
 * clock. So the first picture has none. Without a terminal, it writes one frame and ends.
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

/** The first rates come after this time, or after the interval if that is shorter. */
const FIRST_RATES_MS = 250

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
  show(first, first, env) // at once: it has no rates yet
  let waitMs = Math.min(interval, FIRST_RATES_MS)
  for (let before = first; !quit.aborted; ) {
    await pause(waitMs, undefined, { signal: quit }).catch(() => {})
    waitMs = interval
    if (quit.aborted) return
    const now = await Promise.race([look(client), quits.promise]) // a gateway that hangs must not block the exit
    if (now === null) return
    show(before, now, env)
    before = now
  }
}

function show(before: Look, now: Look, env: Env): void {
  const { columns, rows } = env.stdout.size
  const lines = frameLines(before, now, { columns, rows })
  env.stdout.write(HOME + lines.map(line => line + REST_OF_LINE).join('\r\n') + REST_OF_SCREEN)
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
