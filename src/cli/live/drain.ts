/** `weir drain`: resets selected connections over a time, while the gateway keeps serving. */

import { setTimeout as pause } from 'node:timers/promises'
import { type Env, Exit } from '../env.ts'
import { NoAnswer } from './answered.ts'
import type { Client } from './client.ts'
import { countText, durationText } from './format.ts'

export type DrainFlags = {
  readonly all?: boolean
  readonly listener?: string
  readonly generation?: number
  readonly olderThan?: number
  readonly rule?: string
  readonly over: number
  readonly wait: boolean
  readonly output: 'text' | 'json'
}

type Drain = {
  readonly number: number
  readonly overS: number
  readonly matched: number
  readonly left: number
  readonly elapsedS: number
}

const LOOK_MS = 200

export async function drain(client: Client, flags: DrainFlags, env: Env): Promise<number> {
  const { all = false, over, wait, output, ...which } = flags
  const given = Object.keys(which).length > 0
  if (!all && !given)
    throw new NoAnswer(
      'select connections with --all, --listener, --generation, --older-than or --rule',
      Exit.usage,
    )
  if (all && given) throw new NoAnswer('--all excludes the other selections', Exit.usage)
  const asked = { ...which, select: all ? 'all' : 'matching', overS: over / 1000 }
  const begun = await client.send<Drain>('POST', '/drain', asked)
  if (output === 'text') env.stdout.write(`${begunText(begun)}\n`)
  const drained = wait ? await waited(client, begun) : begun
  if (output === 'json') env.stdout.write(`${JSON.stringify(drained, null, 2)}\n`)
  else if (wait) env.stdout.write(`all have ended, after ${durationText(drained.elapsedS * 1000)}\n`)
  return Exit.ok
}

const begunText = ({ number, matched, overS }: Drain): string =>
  matched === 0
    ? `drain ${number}: no open connection is selected`
    : `drain ${number}: ${countText(matched)} ${matched === 1 ? 'connection' : 'connections'} over ${durationText(overS * 1000)}`

async function waited(client: Client, begun: Drain): Promise<Drain> {
  for (let now = begun; ; ) {
    if (now.left === 0) return now
    await pause(LOOK_MS)
    const { drains } = await client.get<{ drains: readonly Drain[] }>('/drain')
    const found = drains.find(each => each.number === begun.number)
    if (!found)
      throw new NoAnswer(
        'the gateway no longer knows this drain: it keeps only the last ones, and none over a restart',
      )
    now = found
  }
}
