/** Who may connect: the policies that are enforced, where, and what one source may have. */

import type { FastifyInstance } from 'fastify'
import type { Gateway } from '../../control/gateway.ts'
import { openStats, type Stats } from '../../stats/stats.ts'
import { type Enforced, enforcedIn, limitsText, rulesText } from '../../table/explain/access-compare.ts'
import { AccessRow } from '../../table/format/access-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { listQuery, type PageQuery, pageAnswer, pageOf } from '../paging.ts'
import { answers, boolean, integer, list, object, oneOf, query, text } from '../schemas.ts'
import { servingOf } from '../serving.ts'

const policy = object({
  policy: text('namespace/name.'),
  action: oneOf(['ALLOW', 'DENY', 'AUDIT']),
  dryRun: boolean('Whether it only marks what it would deny.'),
  listeners: list(text(), 'Where it is enforced.'),
  rules: text('In words.'),
  matches: integer('Connections that it has denied or marked.'),
  file: text(),
  line: integer(),
})

export function addPolicies(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags: ['configuration'],
    summary: 'Who may connect: policies and limits for each source, with where they are enforced.',
    querystring: query(listQuery),
    response: answers(
      object({
        generation: integer(),
        limits: list(object({ listener: text(), limits: text('In words.') })),
        ...pageAnswer,
        policies: list(policy),
      }),
    ),
  }
  app.get<{ Querystring: PageQuery }>('/policies', { schema }, async ({ query }) => {
    const { table, generation, plane } = servingOf(gateway)
    const { items, ...page } = pageOf([...enforcedOf(table).values()], generation, query)
    const stats = openStats(plane.stats)
    const limits = table.sockets.flatMap(({ key, serves }, listener) => {
      const says = serves ? limitsText(table, listener) : ''
      return says === '' ? [] : [{ listener: key, limits: says }]
    })
    const policies = items.map(({ policy, listeners }) => ({
      policy: policy.name,
      action: policy.action,
      dryRun: policy.dryRun,
      listeners,
      rules: rulesText(policy, null),
      matches: matchesOf(policy, table, stats),
      file: policy.file,
      line: policy.line,
    }))
    return { generation, limits, ...page, policies }
  })
}

/** Of the table that was asked for last: there may be as many as listeners and policies. */
const known = new WeakMap<SharedArrayBuffer, ReadonlyMap<string, Enforced>>()

function enforcedOf(table: Table): ReadonlyMap<string, Enforced> {
  const { routing } = table.buffers
  const enforced = known.get(routing) ?? enforcedIn(table)
  known.set(routing, enforced)
  return enforced
}

/** Of an ALLOW policy, the row before its rules stands for all of them (table/build/access.ts). */
function matchesOf(policy: Enforced['policy'], { access }: Table, { policyMatches }: Stats): number {
  if (access === null) return 0
  const { whole } = policy
  const rows = policy.rules.map(each => each.row)
  return [...(whole === undefined ? [] : [whole]), ...rows].reduce((sum, row) => {
    const slot = access.rows[row * AccessRow.WORDS + AccessRow.slot]
    return sum + (Atomics.load(policyMatches, slot) >>> 0)
  }, 0)
}
