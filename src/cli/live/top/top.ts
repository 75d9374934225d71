/**
 * `weir top`: watches a running gateway on a terminal.
 *
 * A rate needs two looks: the difference of counters divided by the difference of the gateway's
 * clock. So the first picture has none. Without a terminal, or on one that cannot move its cursor,
 * it writes one frame and ends.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { type Env, Exit, wantsColours } from '../../env.ts'
import type { Client } from '../client.ts'
import { frameLines } from './frame.ts'
import { look } from './look.ts'
import { levelOf, START } from './state.ts'
import { Watch } from './watch.ts'

export type TopFlags = { readonly interval: number }

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'

export async function top(client: Client, { interval }: TopFlags, env: Env): Promise<number> {
  const level = levelOf(START)
  const first = await look(client, level)
  if (!env.stdout.isTTY || env.variables.TERM === 'dumb') {
    await pause(interval)
    const now = await look(client, level)
    const picture = {
      state: START,
      now,
      base: first,
      trouble: null,
      hasKeys: false,
      colours: false,
    }
    const lines = frameLines(picture, { columns: 80, rows: Number.POSITIVE_INFINITY })
    env.stdout.write(lines.map(line => `${line}\n`).join(''))
    return Exit.ok
  }
  const watch = new Watch(client, interval, first, env.stdout, wantsColours(env, env.stdout))
  env.onSignal(() => watch.quit())
  env.onResize(() => watch.draw())
  const restore = env.onKeys(sent => watch.type(sent))
  env.stdout.write(ENTER)
  try {
    watch.begin()
    await watch.ended
  } finally {
    env.stdout.write(LEAVE)
    restore()
  }
  return Exit.ok
}
