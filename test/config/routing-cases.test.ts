// Goal: weir routes as Istio's API text says. Method: every routing case without a server name is planned
// and asked with the naive matcher; `expect` is the answer.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../src/config/settings.ts'
import { NO_ROUTE } from '../../src/table/outcome.ts'
import type { Plan } from '../../src/table/plan.ts'
import { naiveMatch, type Query } from '../support/naive-match.ts'
import { planOf, type Written } from '../support/resources.ts'

type Destination = { destinationHost: string; subset?: string; destinationPort: number }
type Case = {
  id: string
  resources: Written[]
  listener: { gateway: string; port: number }
  connection: {
    sourceIP: string
    sourceLabels: Record<string, string>
    sourceNamespace: string
    destinationIP: string
    destinationPort: number
    sni?: string
  }
  expect: { or: 'no-match' } | { destinations: (Destination & { weight: number })[] } | Destination
}

const CASES = new URL('../../../shared/istio/routing_cases.jsonl', import.meta.url)
const isThere = existsSync(CASES)
const all: Case[] = isThere
  ? readFileSync(CASES, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  : []
const cases = all.filter(each => each.connection.sni === undefined)

const queryOf = ({ listener, connection }: Case): Query => ({
  gateway: listener.gateway,
  client: connection.sourceIP,
  destination: connection.destinationIP,
  port: connection.destinationPort,
  identity: { namespace: connection.sourceNamespace, labels: connection.sourceLabels },
})

/** The answer in the words of the cases; a route to several destinations shows their weights. */
function answer(plan: Plan, query: Query): unknown {
  const { route } = naiveMatch(plan, query)
  if (route < 0) return route === NO_ROUTE ? { or: 'no-match' } : { route }
  const destinations = plan.routes[route].destinations.map(({ cluster, weight }) => {
    const { host, subset, port } = plan.clusters[cluster]
    return { destinationHost: host, ...(subset === null ? {} : { subset }), destinationPort: port, weight }
  })
  return { destinations }
}

function wanted(expect: Case['expect']): unknown {
  if ('or' in expect || 'destinations' in expect) return expect
  const { destinationHost, subset, destinationPort } = expect
  return {
    destinations: [
      { destinationHost, ...(subset === undefined ? {} : { subset }), destinationPort, weight: 0 },
    ],
  }
}

/** The weight of an only destination means nothing. */
function withoutLoneWeight(value: unknown): unknown {
  const { destinations } = value as { destinations?: object[] }
  return destinations?.length === 1 ? { destinations: [{ ...destinations[0], weight: 0 }] } : value
}

// A Gateway keeps a socket that the mesh would want as well; behind a redirect the mesh has its own.
const captured = { mesh: { ...DEFAULT_SETTINGS.mesh, capture: 'redirect' } } as const

for (const each of cases) {
  test(`routing case ${each.id}`, () => {
    const { plan } = planOf(each.resources, captured)
    assert.deepEqual(withoutLoneWeight(answer(plan, queryOf(each))), withoutLoneWeight(wanted(each.expect)))
  })
}

test('every mesh case without a Gateway is answered alike by a listener for each port', {
  skip: !isThere,
}, () => {
  const mesh = cases.filter(({ listener, resources }) => {
    return listener.gateway === 'mesh' && !resources.some(resource => resource.kind === 'Gateway')
  })
  assert.ok(mesh.length > 0)
  for (const each of mesh) {
    const query = queryOf(each)
    const byPort = answer(planOf(each.resources).plan, query)
    assert.deepEqual(byPort, answer(planOf(each.resources, captured).plan, query), each.id)
  }
})

test('the routing cases are there', {
  skip: isThere ? false : 'the shared cases are not on this machine',
}, context => {
  context.diagnostic(`${cases.length} cases run, ${all.length - cases.length} with a server name left out`)
  assert.ok(cases.length > 0)
})
