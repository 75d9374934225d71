/** What `weir why` says of connections that ended in a known way, held against that. */

import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { sized } from '../support/full.ts'
import type { Kind } from './endings-kind.ts'
import { weir } from './kit.ts'

/** Endings of each reason. */
export const EACH = sized(2, 50)

/** Of those that stall, whose megabytes cost more than all others together. */
const STALLED_MAX = 10
export const eachOf = ({ loses }: Kind): number => (loses ? Math.min(EACH, STALLED_MAX) : EACH)

/** Peers that are gone without a word. */
export const VANISHED: readonly Kind[] = [
  { reason: 'client-lost', by: 'client', act: async () => {} },
  { reason: 'upstream-lost', by: 'upstream', act: async () => {} },
]

/** Between two questions, of those that end by a timer of the kernel. */
const PAUSE_MS = 20

/** As many as have ended, once they have. */
export async function endedOf(admin: number, from: string, kind: Kind) {
  const { reason, isHeld } = kind
  const each = eachOf(kind)
  const words = ['--limit', String(each + 1), '--admin', `127.0.0.1:${admin}`]
  for (;;) {
    const { answers, err } = await askWhy(from, ...words)
    const ended = answers.filter(({ connection }) => connection.reason !== undefined)
    if (ended.length >= each) return ended
    assert.ok(answers.length <= each + (isHeld ? 1 : 0), `${reason}: ${err}`)
    await pause(PAUSE_MS)
  }
}

/** As many answers as there are. */
export async function askWhy(from: string, ...words: readonly string[]) {
  const { out, err } = await weir(['why', from, ...words, '--output', 'json'])
  const answers = out
    .trim()
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
  return { answers, err }
}

export const lineOf = (text: string, { reason, routes = 'tcp' }: Kind): number => {
  const service = text.indexOf(`VirtualService\nmetadata: {name: ${reason}}`)
  return text.slice(0, text.indexOf(`  ${routes}:\n`, service)).split('\n').length + 1
}

export type Facts = {
  readonly from: string
  readonly port: number
  readonly line: number
  readonly root: string
}

// biome-ignore lint/suspicious/noExplicitAny: an answer, as it came
export function check({ connection, now }: any, kind: Kind, { from, port, line, root }: Facts): void {
  const { reason, by, isBeforeRules = false, isDialed = !isBeforeRules, loses } = kind
  const said = JSON.stringify(connection)
  assert.equal(connection.reason, reason, said)
  assert.equal(connection.endedBy, by, said)
  assert.equal(connection.generation, 1, said)
  assert.ok(connection.client.startsWith(`${from}:`), said)
  assert.equal(connection.asked, `127.0.0.1:${port}`, said)
  const { rule } = connection
  if (isBeforeRules) assert.equal(rule, null, said)
  else
    assert.deepEqual(
      [rule?.virtualService, rule?.file, rule?.line],
      [`default/${reason}`, `${root}/a.yaml`, line],
      said,
    )
  assert.equal(connection.endpoint !== null, isDialed, said)
  if (loses !== undefined) assert.equal(connection.lostBytes > 0, loses, said)
  assert.equal(now?.ends ?? null, kind.now ?? null, `${reason}: ${JSON.stringify(now)}`)
}
