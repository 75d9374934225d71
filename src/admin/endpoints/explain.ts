/** `weir explain`, answered by the process that would serve the connection. */

import type { FastifyInstance } from 'fastify'
import { clockOriginMs, monotonicMs } from '../../base/clock.ts'
import { chooseGateway } from '../../config/choose-gateway.ts'
import type { Gateway } from '../../control/gateway.ts'
import { isOutOfRotation } from '../../engine/decide/eject.ts'
import { machine } from '../../kernel/machine.ts'
import { openStats } from '../../stats/stats.ts'
import { EARLY_ENDS } from '../../table/explain/ends.ts'
import { Explainer } from '../../table/explain/explain.ts'
import { askByOptions, parseLabels } from '../../table/explain/question.ts'
import { Words } from '../../table/explain/words.ts'
import { ownListeners } from '../../table/match/own-listeners.ts'
import { ON_DEAD } from '../../table/plan/plan.ts'
import { TLS_VERSIONS } from '../../table/plan/tls.ts'
import { Problem } from '../problem.ts'
import {
  answers,
  boolean,
  integer,
  list,
  number,
  numberOrNull,
  object,
  oneOf,
  orNull,
  query,
  record,
  ruleOrigin,
  text,
  textOrNull,
} from '../schemas.ts'
import { servingOf } from '../serving.ts'

const ends = {
  type: ['string', 'null'],
  enum: [...EARLY_ENDS, null],
  description: 'The reason with which weir would end the connection before dialing; null: weir can serve it.',
}

/** There may be as many as there are rules. */
const REJECTED_MAX = 1_000

const tlsTerms = {
  minVersion: oneOf([...TLS_VERSIONS]),
  maxVersion: oneOf([...TLS_VERSIONS]),
  alpn: list(text(), 'Protocols, the preferred one first.'),
}

const destination = object({
  host: text(),
  subset: textOrNull(),
  port: integer(),
  tls: orNull(
    object({
      serverName: textOrNull('The name that weir sends; null: none.'),
      names: list(text(), 'Names of which the certificate must have one; empty: nothing is checked.'),
      showsCertificate: boolean('Whether weir shows a certificate of its own.'),
      authorities: oneOf(['system', 'own', 'none']),
      ...tlsTerms,
    }),
    'How weir speaks TLS to it; null: it does not.',
  ),
  weight: integer(),
  share: number('0 – 1.'),
  endpoints: list(text()),
  groups: orNull(
    list(
      object({
        priority: integer('0 is used first.'),
        locality: textOrNull('Region/zone/subzone; null: unknown.'),
        share: numberOrNull('Part of its connections with all endpoints available, 0 – 1.'),
        why: textOrNull('When it gets others than these; null: it is used first.'),
        endpoints: list(text()),
      }),
    ),
    'Endpoints by priority and locality; null: they are alike.',
  ),
  byAddress: textOrNull('With consistentHash, the endpoint of this client; null: there is none.'),
  ends,
  policy: list(
    object({
      field: text('The name of the field in a DestinationRule.'),
      value: text(),
      file: textOrNull('Where it is set; null: the default.'),
      line: { type: ['integer', 'null'] },
    }),
    'The policy of its connections; empty if the destination is not defined.',
  ),
})

const { properties: ruleFields } = ruleOrigin as { properties: Record<string, never> }
const { file: _file, line: _line, ...placeFields } = ruleFields

const explanation = object({
  outcome: oneOf(['route', 'default', 'passthrough', 'no-route', 'denied']),
  reason: text(),
  ends,
  generation: integer(),
  listener: textOrNull(),
  tls: orNull(
    object({
      server: text(),
      clients: oneOf(['none', 'optional', 'required']),
      subjectAltNames: list(text(), 'Names of which a client’s certificate must have one; empty: any.'),
      ...tlsTerms,
      identity: orNull(
        object({
          name: textOrNull('As it was asked for; null: some certificate.'),
          principal: textOrNull(),
          namespace: textOrNull(),
          serviceAccount: textOrNull(),
          trustDomain: textOrNull(),
        }),
        'What policies read of the client; null: it has no verified certificate.',
      ),
    }),
    'The server that ends TLS; null: none does.',
  ),
  proxyProtocol: orNull(
    object({
      from: list(text(), 'Peers that must send a PROXY header.'),
      required: boolean('Whether weir resets all other peers.'),
      versions: list(integer()),
      peer: {
        type: ['string', 'null'],
        enum: ['sender', 'client', 'untrusted', null],
        description: 'What the given peer is; null: no peer was given.',
      },
    }),
  ),
  client: object({ namespace: textOrNull(), labels: record(text()) }),
  authorization: orNull(
    object({
      deniedBy: textOrNull(),
      wouldBeDeniedBy: textOrNull(),
      auditedBy: textOrNull(),
      because: textOrNull(),
    }),
    'The AuthorizationPolicies of the listener; null: it has none.',
  ),
  rule: orNull(ruleOrigin),
  destinations: list(destination),
  onDead: {
    type: ['string', 'null'],
    enum: [...ON_DEAD, null],
    description: 'What becomes of the share of a destination that is down; null: there is no split.',
  },
  rejected: list(object({ ...placeFields, because: text() }), 'Rules tried before, in order.'),
  rejectedCut: boolean(`Whether there are more than ${REJECTED_MAX}.`),
})

type Asked = {
  readonly gateway?: string
  readonly to: string
  readonly from?: string
  readonly peer?: string
  readonly namespace?: string
  readonly labels?: string
  readonly sni?: string
  readonly identity?: string
}

export function addExplain(app: FastifyInstance, gateway: Gateway): void {
  /** Caches the last table that was asked about, with its names decoded. */
  let explainer: Explainer | null = null
  let words: Words | null = null
  const schema = {
    tags: ['routing'],
    summary: 'Where a connection would go now, and why.',
    querystring: query(
      {
        gateway: text(
          'The Gateway that accepts, or mesh. Without it: mesh if it listens, else the only Gateway.',
        ),
        to: text('IP:PORT that the client connects to.'),
        from: text('The client’s IP.'),
        peer: text('The IP at the peer of its socket: a load balancer that sends a PROXY header.'),
        namespace: text('The client’s namespace; default: by its address.'),
        labels: text('The client’s labels, app=web,tier=front; default: by its address.'),
        sni: text('The server name of a TLS client.'),
        identity: text('A name of its verified certificate: spiffe://…, a host, or CN=….'),
      },
      ['to'],
    ),
    response: answers(explanation),
  }
  app.get<{ Querystring: Asked }>(
    '/explain',
    { schema },
    async ({ query: { labels: pairs, ...options } }) => {
      const labels = pairs === undefined ? undefined : parseLabels(pairs)
      if (labels === null)
        throw new Problem(400, 'bad-request', `labels ${pairs}: must look like app=web,tier=front`)
      const asked = askByOptions({ ...options, ...(labels === undefined ? {} : { labels }) }, '')
      if ('error' in asked) throw new Problem(400, 'bad-request', asked.error)
      const { table, compiled, generation, plane } = servingOf(gateway)
      const chosen = chooseGateway(table, compiled.resources, asked.question.gateway, 'gateway')
      if ('error' in chosen) throw new Problem(400, 'unclear-gateway', chosen.error)
      if (!words?.areOf(table))
        words = new Words(table, plane.observer.generations.cold(generation) ?? undefined)
      if (explainer?.table !== table) {
        const judge = { stats: openStats(plane.stats), nowMs: () => monotonicMs() + clockOriginMs }
        explainer = new Explainer(table, {
          own: ownListeners(table, machine.ownAddresses()),
          namesResolved: true,
          isOut: cluster => isOutOfRotation(judge, table, cluster),
          words,
        })
      }
      const { rejected, ...answer } = explainer.answer({ ...asked.question, ...chosen }, REJECTED_MAX + 1)
      return {
        ...answer,
        rejected: rejected.slice(0, REJECTED_MAX),
        rejectedCut: rejected.length > REJECTED_MAX,
      }
    },
  )
}
