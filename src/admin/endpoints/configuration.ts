/** The served resources, and the outcome of each reload. */

import type { FastifyInstance } from 'fastify'
import type { Diagnostic } from '../../config/findings/diagnostic.ts'
import type { Compiled } from '../../control/compile/compiled.ts'
import type { Gateway } from '../../control/gateway.ts'
import { FINDINGS_MAX, OUTCOMES, RELOADS_MAX, worstFirst } from '../../control/observe/history.ts'
import { type PageQuery, pageAnswer, pageOf, pageQuery } from '../paging.ts'
import {
  answers,
  boolean,
  changes,
  finding,
  integer,
  list,
  number,
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

const tags = ['configuration']

/** What a reload takes from connections (control/guard/reload-guard.ts). */
export const loses = object({
  rules: integer('Rules that lose a destination or vanish.'),
  listeners: integer(
    'Listeners that close, read other PROXY headers, or lose a server that has a connection.',
  ),
  destinations: integer('Destinations that lose their last endpoint.'),
  policies: integer('Rules of policies that deny clients with an open connection.'),
  endpoints: integer('Removed endpoints whose open connections end (on-remove: close).'),
  open: integer('Open connections to them.'),
  lastMinute: integer('Connections to them in the last minute.'),
})

const period = orNull(
  object({
    seconds: number(),
    connections: integer(),
    failedDials: integer(),
    ended: integer(),
    resets: integer('Of those that ended: reset by the server.'),
    shares: list(object({ destination: text(), connections: integer() }), 'Of a rule.'),
  }),
)

/** What a reload changed, and what became of it (control/observe/timeline.ts). */
const effect = {
  change: oneOf(['added', 'removed', 'changed']),
  before: textOrNull('As text; null: absent before.'),
  after: textOrNull('As text; null: absent after.'),
  periodBefore: period,
  periodAfter: period,
}

const did = object({
  rules: list(
    object({
      rule: ruleOrigin,
      was: orNull(ruleOrigin, 'Its former place.'),
      listeners: list(text()),
      ...effect,
    }),
    'The first 100. Periods are since its VirtualService changed before, and until it changes next.',
  ),
  destinations: list(
    object({
      destination: text(),
      policy: list(
        object({
          field: text(),
          before: text(),
          after: text(),
          file: textOrNull(),
          line: orNull(integer()),
        }),
      ),
      ...effect,
    }),
    'Endpoints and policies; the first 100.',
  ),
  more: integer('Changes that are not listed.'),
})

export function addConfiguration(app: FastifyInstance, gateway: Gateway): void {
  addConfig(app, gateway)
  addReloads(app, gateway)
}

function addConfig(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags,
    summary: 'The served resources, with file and line.',
    querystring: query(pageQuery),
    response: answers(
      object({
        generation: integer(),
        loadedAt: text('When it was published.'),
        checksum: text('SHA-256 of the files and of what their names resolve to.'),
        findings: list(finding, 'Findings of `weir check`, errors first.'),
        lastReload: object({ number: integer(), outcome: oneOf(OUTCOMES), findings: list(finding) }),
        ...pageAnswer,
        resources: list(
          object({ title: text('Kind, namespace and name.'), file: text(), line: integer(), digest: text() }),
        ),
      }),
    ),
  }
  app.get<{ Querystring: PageQuery }>('/config', { schema }, async ({ query }) => {
    const { compiled, generation } = servingOf(gateway)
    const { items, ...page } = pageOf(compiled.resources, generation, query)
    return {
      generation,
      loadedAt: new Date(gateway.history.lastTakenMs).toISOString(),
      checksum: compiled.checksum,
      findings: worst(compiled),
      lastReload: gateway.history.reloads[0],
      ...page,
      resources: items,
    }
  })
}

const worstOf = new WeakMap<Compiled, readonly Diagnostic[]>()

/** Sorted once: there may be as many as rules. */
function worst(compiled: Compiled): readonly Diagnostic[] {
  const known = worstOf.get(compiled) ?? worstFirst(compiled.diagnostics).slice(0, FINDINGS_MAX)
  worstOf.set(compiled, known)
  return known
}

function addReloads(app: FastifyInstance, gateway: Gateway): void {
  const reload = object({
    number: integer('Counted from 1, the first configuration.'),
    at: text(),
    outcome: oneOf(OUTCOMES),
    generation: integer('The generation served after the reload.'),
    totalMs: number(),
    stagesMs: record(number()),
    resources: object({ ...changes, more: integer('Number of further resources.') }),
    listeners: object({ added: list(text()), removed: list(text()) }),
    errors: integer(),
    warnings: integer(),
    findings: list(finding),
    checksum: textOrNull('SHA-256 of the files; `POST /reload` takes it as `accept`. null: not read.'),
    loses: orNull(loses, 'What connections lose by it, or would have lost; null: nothing.'),
    note: textOrNull(),
    reason: textOrNull('Why it was asked for, if `POST /reload` said so.'),
    files: list(
      object({ file: text(), blob: textOrNull('git’s SHA-1 of its content; null: gone, or with a Secret.') }),
      'That differ from those of the configuration before.',
    ),
    did: orNull(did, 'What it changed and did; null: nothing, or it is not known (yet).'),
  })
  const schema = {
    tags,
    summary: 'The last reloads, newest first, with their changes and findings.',
    querystring: query({ limit: pageQuery.limit }),
    response: answers(
      object({
        counts: object(Object.fromEntries(OUTCOMES.map(outcome => [outcome, integer('Since the start.')]))),
        current: boolean('Whether weir serves the files as they were when last read.'),
        reloads: list(reload),
      }),
    ),
  }
  app.get<{ Querystring: PageQuery }>('/reloads', { schema }, async ({ query }) => ({
    counts: gateway.history.counts,
    current: gateway.history.isCurrent,
    reloads: gateway.history.shown(
      query.limit ?? RELOADS_MAX,
      () => gateway.serving?.plane.observer.totals() ?? [],
    ),
  }))
}
