/** The connections that ended last, with what routed them, and why they ended. */

import type { FastifyInstance } from 'fastify'
import { ENDINGS } from '../../access-log/endings.ts'
import { inTurns } from '../../base/turns.ts'
import type { Gateway } from '../../control/gateway.ts'
import type { Observer } from '../../control/observe/observer.ts'
import { ENDED_MAX, type Ended } from '../../stats/ended-connections.ts'
import type { Generations } from '../../stats/generations.ts'
import { REASON_NAMES, REASONS } from '../../stats/reasons.ts'
import { policyRuleName } from '../../table/format/access-names.ts'
import { failureName } from '../../tls/details.ts'
import {
  assertKnown,
  type ConnectionQuery,
  connectionQuery,
  type Filter,
  filterOf,
} from '../connection-filter.ts'
import { type PageQuery, pageQuery } from '../paging.ts'
import { Problem } from '../problem.ts'
import {
  answers,
  integer,
  list,
  number,
  numberOrNull,
  object,
  oneOf,
  query,
  text,
  textOrNull,
} from '../schemas.ts'
import { servingOf } from '../serving.ts'
import { connectionFields, shownConnection } from './connections.ts'

/** Of the connections looked at, how many before the clock is checked again. */
const STEP = 32

const ended = object({
  ...connectionFields,
  reason: oneOf(REASON_NAMES),
  meaning: text('Of the reason.'),
  endedBy: oneOf(['client', 'upstream', 'weir']),
  errno: textOrNull('The kernel’s last error for a socket that failed, or that of TLS: ECONNRESET.'),
  deniedBy: textOrNull('The rule of the policy that denied it.'),
  endedAt: text(),
  lastedMs: number('From accept to the end.'),
  firstByteMs: numberOrNull('From connect to the upstream’s first byte; null: none came.'),
  lostBytes: integer('Received from one side, and not taken by the other side’s socket.'),
})

type Asked = ConnectionQuery & PageQuery

export function addEnded(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags: ['connections'],
    summary: 'The connections that ended last, and why, the latest first.',
    description: `The last ${ENDED_MAX} are kept, in memory. What ends between two pages is in neither.`,
    querystring: query({
      ...connectionQuery,
      reason: oneOf(REASON_NAMES, 'As in /reasons.'),
      ...pageQuery,
    }),
    response: answers(
      object({
        next: textOrNull('The cursor of the next page; null: the last page.'),
        connections: list(ended),
      }),
    ),
  }
  app.get<{ Querystring: Asked }>(
    '/connections/ended',
    { schema },
    async ({ query: { limit, cursor, ...asked } }) => {
      const { plane } = servingOf(gateway)
      assertKnown(asked, plane)
      return await inTurns(endedFrom(plane.observer, placeOf(cursor, plane.observer), filterOf(asked), limit))
    },
  )
}

function* endedFrom({ ended, generations }: Observer, before: number[], isWanted: Filter, limit: number) {
  const names = generations.names.bind(generations)
  const connections: unknown[] = []
  let looked = 0
  for (const each of ended.list(before)) {
    if (isWanted(each, names)) connections.push(shown(each, generations))
    if (connections.length === limit) return { next: before.join('.'), connections }
    if (++looked % STEP === 0) yield
  }
  return { next: null, connections }
}

/** A cursor has the place in each worker's records. */
function placeOf(cursor: string | undefined, { ended }: Observer): number[] {
  const newest = ended.written()
  if (cursor === undefined) return newest
  const places = /^-?\d{1,10}(\.-?\d{1,10})*$/.test(cursor)
    ? cursor.split('.').map(each => Number(each) | 0)
    : []
  if (places.length !== newest.length)
    throw new Problem(400, 'bad-cursor', `"${cursor}" is not a cursor`, 'take `next` of the previous answer')
  return places
}

function policyName(generations: Generations, generation: number, row: number): string {
  const rule = generations.policyRule(generation, row)
  return rule === null ? 'unknown' : policyRuleName(rule)
}

function shown(each: Ended, generations: Generations) {
  const { reason, errno, policy, policyGeneration, endedWallMs, lastedMs, firstByteUs } = each
  return {
    ...shownConnection(each, generations),
    reason,
    meaning: REASONS[reason],
    endedBy: ENDINGS[reason].by,
    errno: errno === 0 ? null : failureName(errno),
    deniedBy: policy === 0 ? null : policyName(generations, policyGeneration, policy - 1),
    endedAt: new Date(endedWallMs).toISOString(),
    lastedMs: Number(lastedMs.toFixed(3)),
    firstByteMs: firstByteUs === null ? null : firstByteUs / 1e3,
    lostBytes: each.fromClient - each.toUpstream + (each.fromUpstream - each.toClient),
  }
}
