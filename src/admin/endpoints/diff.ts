/**
 * Compares other files with the served ones: findings, rules, and live connections that would go
 * elsewhere.
 *
 * Another thread does the work (control/compile/differ.ts), including parsing the JSON: the body is
 * passed on unparsed. One comparison at a time; if the caller disconnects, it is cancelled.
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

/** A configuration of 100 000 rules has about 20 MB. */
const BODY_BYTES_MAX = 64 * 2 ** 20

const change = { change: oneOf(['added', 'removed', 'changed']) }
const beforeAfter = {
  before: textOrNull('As text; null: absent before.'),
  after: textOrNull('As text; null: absent after.'),
}

const said = { before: text('In words.'), after: text('In words.') }
const place = {
  file: textOrNull('Where it is written now, or was; null: nowhere.'),
  line: orNull(integer()),
}

const live = object({
  open: integer('Open connections.'),
  same: integer('Connections that would keep their destination.'),
  elsewhere: integer('Connections that would get another destination.'),
  refused: integer('Connections that no rule would match.'),
  denied: integer('Connections that a policy would deny.'),
  unlistened: integer('Connections that no listener would accept.'),
  unknown: integer('Connections whose destination is no longer defined.'),
  moves: list(
    object({
      connections: integer(),
      fate: oneOf(FATES),
      rule: textOrNull('The generation that routed them.'),
      from: text(),
      to: list(text(), 'All possible destinations.'),
    }),
    'All that differ, most connections first.',
  ),
})

const diff = object({
  valid: boolean('Whether weir would serve it.'),
  errors: integer(),
  warnings: integer(),
  findings: list(finding),
  changes: orNull(
    object({
      listeners: object({
        added: list(text()),
        removed: list(text()),
        changed: list(
          object({ listener: text(), ...place, ...said }),
          'That read other PROXY headers, or limit sources otherwise.',
        ),
      }),
      rules: object({
        added: integer(),
        removed: integer(),
        changed: integer(),
        reordered: integer('Unchanged rules with another order of evaluation.'),
        list: list(
          object({
            ...change,
            listeners: list(text()),
            rule: ruleOrigin,
            was: orNull(ruleOrigin),
            ...beforeAfter,
          }),
          '`rule` where it is written now, or was; `was` where it stood before; null: nowhere.',
        ),
      }),
      destinations: list(
        object({
          ...change,
          destination: text(),
          ...beforeAfter,
          policy: list(object({ field: text(), ...place, ...said }), 'Values of its policy that differ.'),
        }),
      ),
      policies: list(
        object({ ...change, policy: text(), file: text(), line: integer(), ...beforeAfter }),
        'AuthorizationPolicies that deny others, or are enforced at other listeners.',
      ),
      connections: live,
    }),
    'null if not valid.',
  ),
})

export function addDiff(app: FastifyInstance, gateway: Gateway): void {
  /** Covers the exchange and the comparison, which ends a moment after it. */
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
        throw new Problem(429, 'busy', 'another comparison is running', 'retry when it has finished')
      underWay++
      reply.raw.once('close', () => underWay--)
    })
    const schema = {
      tags: ['routing'],
      summary: 'What would change if these files were served.',
      description:
        'Body: `{"files": [{"path": "a.yaml", "text": "…"}]}`, and what a cluster has as `objects`. It changes nothing.',
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
          answer?.wrong ?? 'the request has no body',
          'send {"files": [{"path", "text"}]}, and "objects" of a Kubernetes API if there are any',
        )
      return answer
    })
  })
}
