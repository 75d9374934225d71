// Goal: weir routes as Istio's API text defines. Method: every routing case is planned, built into
// a table and explained; `expect` is the answer. Behind a redirect the mesh answers the same.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../src/config/settings/settings.ts'
import { explain } from '../../src/table/explain/explain.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { planOf, type Written } from '../support/resources.ts'
import { tableOf } from '../support/tables.ts'

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
    tls?: boolean
  }
  expect: { or: 'no-match' } | { destinations: (Destination & { weight: number })[] } | Destination
}

const CASES = new URL('../../../shared/istio/routing_cases.jsonl', import.meta.url)
const isThere = existsSync(CASES)
const cases: Case[] = isThere
  ? readFileSync(CASES, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  : []

/**
 * The table's answer in the words of the cases; a route to several destinations shows their
 * weights.
 */
function answer({ listener, connection }: Case, plan: Plan): unknown {
  const { outcome, destinations } = explain(tableOf(plan), {
    gateway: listener.gateway,
    source: {
      ip: connection.sourceIP,
      namespace: connection.sourceNamespace,
      labels: connection.sourceLabels,
    },
    destination: { ip: connection.destinationIP, port: connection.destinationPort },
    ...((connection.sni !== undefined || connection.tls) && { sni: connection.sni ?? '' }),
  })
  if (outcome === 'no-route') return { or: 'no-match' }
  return {
    destinations: destinations.map(({ host, subset, port, weight }) => ({
      destinationHost: host,
      ...(subset === null ? {} : { subset }),
      destinationPort: port,
      weight,
    })),
  }
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

const redirect = { mesh: { ...DEFAULT_SETTINGS.mesh, capture: 'redirect' } } as const

for (const each of cases) {
  test(`routing case ${each.id}`, () => {
    const expected = withoutLoneWeight(wanted(each.expect))
    for (const settings of [{}, redirect]) {
      const { plan } = planOf(each.resources, settings)
      assert.deepEqual(withoutLoneWeight(answer(each, plan)), expected)
    }
  })
}

test('the routing cases are there', {
  skip: isThere ? false : 'cases outside the repository are not here',
}, context => {
  context.diagnostic(`${cases.length} cases run`)
  assert.ok(cases.length > 0)
})
