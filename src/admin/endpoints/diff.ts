/**
 * What would change if other files were served: findings, rules, and live connections that would go
 * elsewhere.
 *
 * The work is another thread's (control/compile/differ.ts), and reading the JSON too: the body is
 * passed on as it came. One at a time; when whoever asked is gone, it is given up.
 */

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Gateway } from '../../control/gateway.ts'
import { FATES } from '../../control/guard/replay.ts'
import { Problem } from '../problem.ts'
import {
  answers,
  boolean,
  finding,
  integer,
  list,
  object,
  oneOf,
  orNull,
  ruleOrigin,
  text,
  textOrNull,
} from '../schemas.ts'
import { notServing } from '../serving.ts'
import { wholeBody } from '../whole-body.ts'

/** A configuration with 100 000 rules has some 20 MB. */
const BODY_BYTES_MAX = 64 * 2 ** 20

const change = { change: oneOf(['added', 'removed', 'changed']) }
const beforeAfter = {
  before: textOrNull('In words; null: it was not there.'),
  after: textOrNull('In words; null: it is not there any more.'),
}

const live = object({
  open: integer('Connections that are open.'),
  same: integer('Those that would go where they are.'),
  elsewhere: integer('Those that would go elsewhere.'),
  refused: integer('Those that no rule would match.'),
  unlistened: integer('Those that no listener would accept.'),
  unknown: integer('Those whose destination is no longer known.'),
  moves: list(
    object({
      connections: integer(),
      fate: oneOf(FATES),
      rule: textOrNull('That routed them.'),
      from: text(),
      to: list(text(), 'All that can be drawn.'),
    }),
    'All that are not the same, those of most connections first.',
  ),
})

const diff = object({
  valid: boolean('Whether it would be served at all.'),
  errors: integer(),
  warnings: integer(),
  findings: list(finding),
  changes: orNull(
    object({
      listeners: object({ added: list(text()), removed: list(text()) }),
      rules: object({
        added: integer(),
        removed: integer(),
        changed: integer(),
        reordered: integer('Unchanged rules that are tried in another order.'),
        list: list(object({ ...change, listeners: list(text()), rule: ruleOrigin, ...beforeAfter })),
      }),
      destinations: list(object({ ...change, destination: text(), ...beforeAfter })),
      connections: live,
    }),
    'null where it is not valid.',
  ),
})

export function addDiff(app: FastifyInstance, gateway: Gateway): void {
  /** The exchange, and the comparison, which ends a moment after it. */
  let underWay = 0
  const compare = (body: Uint8Array<ArrayBuffer>, gone: AbortSignal) => {
    underWay++
    return gateway.diff(body, gone).finally(() => underWay--)
  }
  void app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/json',
      async (request: FastifyRequest, payload: IncomingMessage) =>
        wholeBody(request, payload, BODY_BYTES_MAX),
    )
    scope.addHook('onRequest', async (request, reply) => {
      if (request.is404) return
      if (underWay > 0)
        throw new Problem(429, 'busy', 'another comparison is running', 'retry when it is done')
      underWay++
      reply.raw.once('close', () => underWay--)
    })
    const schema = {
      tags: ['routing'],
      summary: 'What would change if these files were served.',
      description: 'Body: `{"files": [{"path": "a.yaml", "text": "…"}]}`. It changes nothing.',
      consumes: ['application/json'],
      response: answers(diff),
    }
    type Asked = { readonly Body: Uint8Array<ArrayBuffer> | undefined }
    scope.post<Asked>('/diff', { schema, bodyLimit: BODY_BYTES_MAX }, async ({ body }, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const answer = body && (await compare(body, gone.signal))
      if (answer === null) throw notServing()
      if (answer && 'undone' in answer)
        throw new Problem(503, 'undone', answer.undone, 'weir check reports findings without a limit')
      if (answer === undefined || 'wrong' in answer)
        throw new Problem(
          400,
          'bad-request',
          answer?.wrong ?? 'there is no body',
          'send {"files": [{"path", "text"}]}',
        )
      return answer
    })
  })
}
