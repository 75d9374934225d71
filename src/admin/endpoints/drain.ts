/**
 * Drains selected connections while the gateway keeps serving: weir resets them over a time, and
 * clients that reconnect follow the current rules.
 */

import type { FastifyInstance } from 'fastify'
import type { Gateway } from '../../control/gateway.ts'
import { Drains } from '../../control/workers/drains.ts'
import type { Selection } from '../../control/workers/selected-drain.ts'
import type { Block } from '../../table/plan/block.ts'
import { assertKnown } from '../connection-filter.ts'
import { Problem } from '../problem.ts'
import { answers, integer, list, number, object, oneOf, type Schema, text, whole } from '../schemas.ts'
import { notServing, servingOf } from '../serving.ts'

const OVER_S_MAX = 86_400

const drain = object({
  number: integer('Counted from 1.'),
  at: text(),
  selection: object(
    {
      listener: text(),
      generation: integer(),
      olderThan: integer(),
      rule: object(
        { virtualService: text(), block: text(), route: integer(), match: { type: ['integer', 'null'] } },
        ['block', 'route', 'match'],
      ),
    },
    ['listener', 'generation', 'olderThan', 'rule'],
  ),
  overS: number(),
  matched: integer(
    'Connections that it selected, with those still being read from that may turn out to be of the listener or rule.',
  ),
  left: integer('Those of them that are still open.'),
  elapsedS: number(),
})

const body: Schema = object(
  {
    select: oneOf(['all', 'matching'], 'all, or the connections that match every given field below.'),
    listener: text('A listener as in /listeners, or its gateway.'),
    generation: whole(1, 2 ** 31 - 1, 'Routed by this generation.'),
    olderThan: whole(1, 2 ** 31 - 1, 'Routed by a generation before this one.'),
    rule: text('namespace/name of a VirtualService, or with a place in it: "default/echo tcp[0].match[1]".'),
    overS: {
      type: 'number',
      minimum: 0,
      maximum: OVER_S_MAX,
      description: 'Spreads the resets over this time.',
    },
  },
  ['listener', 'generation', 'olderThan', 'rule'],
)

type Asked = {
  readonly select: 'all' | 'matching'
  readonly listener?: string
  readonly generation?: number
  readonly olderThan?: number
  readonly rule?: string
  readonly overS: number
}

export function addDrain(app: FastifyInstance, gateway: Gateway): void {
  const drains = new Drains()
  const tags = ['connections']
  app.get(
    '/drain',
    {
      schema: {
        tags,
        summary: 'The last drains, newest first, with their progress.',
        response: answers(object({ drains: list(drain) })),
      },
    },
    async () => ({ drains: drains.progress }),
  )
  const schema = {
    tags,
    summary: 'Resets selected connections over a time; the gateway keeps serving.',
    description:
      'New connections are not affected. Answers at once with the number selected; GET shows the progress.',
    body,
    response: answers(drain),
  }
  app.post<{ Body: Asked }>('/drain', { schema }, async ({ body: asked }) => {
    const selection = selectionOf(asked)
    const { plane } = servingOf(gateway)
    if (gateway.readiness().draining) throw notServing()
    assertKnown(selection, plane)
    return drains.add(plane.drainSelected(selection, asked.overS * 1000))
  })
}

function selectionOf({ select, overS: _, rule, ...others }: Asked): Selection {
  const selection = { ...others, ...(rule === undefined ? {} : { rule: ruleOf(rule) }) }
  const given = Object.keys(selection).length
  if (select === 'all' && given > 0)
    throw new Problem(
      400,
      'bad-request',
      'select "all" excludes the other selections',
      'use "select": "matching"',
    )
  if (select === 'matching' && given === 0)
    throw new Problem(
      400,
      'bad-request',
      'no connections are selected',
      'use "select": "all" for all connections',
    )
  return selection
}

/** One slash only, so that a text divides in one way; otherwise the match takes quadratic time. */
const RULE =
  /^((?:T(?:CP|LS)Route )?[^\s/]+\/[^\s/]+)(?: (tcp|tls|http|rules)\[(\d{1,6})\](?:\.match\[(\d{1,6})\])?)?$/

function ruleOf(text: string): NonNullable<Selection['rule']> {
  const [, virtualService, block, route, match] = RULE.exec(text) ?? []
  if (virtualService === undefined)
    throw new Problem(
      400,
      'bad-request',
      `rule ${text}: that is not like default/echo or default/echo tcp[0].match[1]`,
    )
  if (block === undefined) return { virtualService }
  const place = { virtualService, block: block as Block, route: Number(route) }
  return { ...place, match: match === undefined ? null : Number(match) }
}
