/** What weir knows of the DNS names of endpoints: their addresses, and why one has none. */

import type { FastifyInstance } from 'fastify'
import { monotonicMs } from '../../base/clock.ts'
import { inTurns } from '../../base/turns.ts'
import type { Compiled } from '../../control/compile/compiled.ts'
import type { Gateway } from '../../control/gateway.ts'
import { NAME_STATES, type NameStateName } from '../../source/names/name-state.ts'
import type { NamedState } from '../../source/names/names.ts'
import { listQuery, type PageQuery, pageAnswer, pageOf } from '../paging.ts'
import {
  answers,
  integer,
  list,
  number,
  object,
  oneOf,
  orNull,
  query,
  record,
  text,
  textOrNull,
} from '../schemas.ts'
import { servingOf } from '../serving.ts'

/** Addresses and destinations of one name that are shown. */
const SHOWN_MAX = 100

const name = object({
  name: text(),
  state: oneOf(NAME_STATES, 'stale: it fails, and the last addresses are used.'),
  why: textOrNull('What the last lookup said, if it is not resolved by each family; null: it is.'),
  addresses: list(text(), 'The addresses in use; the first hundred.'),
  source: orNull(oneOf(['hosts', 'dns', 'localhost']), 'Where they are from; null: there was no answer.'),
  asked: textOrNull('The whole name that answered, of the search list perhaps.'),
  forS: number('Seconds since its state changed.'),
  nextS: number('Seconds until it is asked for again.'),
  destinations: list(text(), 'Destinations with endpoints of this name; the first hundred.'),
})

type Asked = PageQuery & { readonly name?: string; readonly state?: NameStateName }

export function addNames(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags: ['endpoints'],
    summary: 'DNS names of endpoints, with their addresses; those that fail come first.',
    querystring: query({ name: text('A name.'), state: oneOf(NAME_STATES), ...listQuery }),
    response: answers(
      object({
        generation: integer(),
        ...pageAnswer,
        states: record(integer(), 'All names, by state.'),
        names: list(name),
      }),
    ),
  }
  app.get<{ Querystring: Asked }>('/names', { schema }, async ({ query: asked }) => {
    const { compiled, generation } = servingOf(gateway)
    return await inTurns(listed(gateway, compiled, generation, asked))
  })
}

/** Names between two looks at the clock. */
const STEP = 256

function* listed(gateway: Gateway, compiled: Compiled, generation: number, asked: Asked) {
  const states = countsOf(gateway)
  yield
  const found: NamedState[] = []
  for (const each of gateway.names.states())
    if (
      (asked.name === undefined || each.name === asked.name) &&
      (asked.state === undefined || each.state === asked.state)
    )
      found.push(each)
  yield
  found.sort((a, b) => URGENT.indexOf(a.state) - URGENT.indexOf(b.state) || (a.name < b.name ? -1 : 1))
  yield
  const { items, ...page } = pageOf(found, generation, asked)
  const wanted = new Map(items.map(each => [each.name, [] as string[]]))
  let seen = 0
  for (const { title, places } of compiled.named) {
    for (const { place } of places) {
      const titles = wanted.get(place)
      if (titles && titles.length < SHOWN_MAX && titles.at(-1) !== title) titles.push(title)
    }
    if (++seen % STEP === 0) yield
  }
  const nowMs = monotonicMs()
  const names = items.map(each => shown(each, wanted.get(each.name) ?? [], nowMs))
  return { generation, ...page, states, names }
}

const URGENT: readonly NameStateName[] = ['unresolved', 'stale', 'partial', 'pending', 'resolved']

const shown = (each: NamedState, destinations: readonly string[], nowMs: number) => ({
  name: each.name,
  state: each.state,
  why: each.why === '' ? null : each.why,
  addresses: each.addresses.slice(0, SHOWN_MAX),
  source: each.source,
  asked: each.asked,
  forS: Math.max(0, nowMs - each.sinceMs) / 1000,
  nextS: Math.max(0, each.nextMs - nowMs) / 1000,
  destinations,
})

/** How many names there are of each state. */
export function countsOf(gateway: Gateway): Record<NameStateName, number> {
  const counts = { resolved: 0, partial: 0, stale: 0, unresolved: 0, pending: 0 }
  for (const { state } of gateway.names.states()) counts[state]++
  return counts
}
