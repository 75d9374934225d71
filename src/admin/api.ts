/**
 * Everything behind the guard: each endpoint is in endpoints/, and /openapi.json describes them
 * all.
 *
 * GET reads and costs the data plane nothing, since all counts are in shared memory. POST and PUT
 * change.
 */

import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Gateway } from '../control/gateway.ts'
import type { Granted } from './authority.ts'
import { addAccess } from './endpoints/access.ts'
import { addCanary } from './endpoints/canary.ts'
import { addCertificates } from './endpoints/certificates.ts'
import { addConfiguration } from './endpoints/configuration.ts'
import { addConnections } from './endpoints/connections.ts'
import { addDiff } from './endpoints/diff.ts'
import { addDrain } from './endpoints/drain.ts'
import { addEnded } from './endpoints/ended.ts'
import { addEndpoints } from './endpoints/endpoints.ts'
import { addExplain } from './endpoints/explain.ts'
import { addFleet, type FleetSettings } from './endpoints/fleet.ts'
import { addLogLevel } from './endpoints/log-level.ts'
import { addMetrics } from './endpoints/metrics.ts'
import { addNames } from './endpoints/names.ts'
import { addOverview } from './endpoints/overview.ts'
import { addPolicies } from './endpoints/policies.ts'
import { addReload } from './endpoints/reload.ts'
import { addRoutes } from './endpoints/routes.ts'
import { addState } from './endpoints/state.ts'
import { addTakeOver } from './endpoints/take-over.ts'
import { createMetrics } from './metrics/registry.ts'
import { addPage } from './page-files.ts'
import type { Refusals } from './refusals.ts'
import { RulesOfTable } from './rules-of-table.ts'
import { StandingsOfTable } from './standings.ts'

export type AdminApiOptions = {
  /** For how long a rendering of the metrics is given to all who ask. */
  readonly metricsMs?: number
  /** For how long the others of a fleet are waited for. */
  readonly fleetMs?: number
}

export async function addApi(
  app: FastifyInstance,
  gateway: Gateway,
  version: string,
  refusals: Refusals,
  grantedTo: (request: FastifyRequest) => Granted,
  settings: FleetSettings,
  { metricsMs, fleetMs }: AdminApiOptions = {},
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'weir', version, description: 'The admin listener of a weir gateway.' },
    },
  })
  const rules = new RulesOfTable()
  const standings = new StandingsOfTable(rules)
  await app.register(async api => {
    addPage(api)
    addMetrics(api, createMetrics(gateway, version, rules, refusals, metricsMs))
    addState(api, gateway, version)
    addOverview(api, gateway, version, rules, settings.fleet.length > 0)
    addRoutes(api, gateway, standings)
    addFleet(api, gateway, version, standings, settings, fleetMs)
    addConnections(api, gateway)
    addEnded(api, gateway)
    addCanary(api, gateway, rules)
    addEndpoints(api, gateway)
    addNames(api, gateway)
    addDrain(api, gateway)
    addConfiguration(api, gateway)
    addCertificates(api, gateway)
    addPolicies(api, gateway)
    addReload(api, gateway)
    addTakeOver(api, gateway, version)
    addExplain(api, gateway)
    addLogLevel(api, gateway)
    addDiff(api, gateway)
    addAccess(api, grantedTo)
    addDescription(api)
  })
}

/** Built once, on the first request: by then every endpoint is registered. */
function addDescription(app: FastifyInstance): void {
  const schema = { summary: 'This OpenAPI document.', tags: ['about'] }
  let text: Buffer | null = null
  app.get('/openapi.json', { schema }, async (_request, reply) => {
    text ??= Buffer.from(`${JSON.stringify(app.swagger())}\n`)
    return reply.type('application/json; charset=utf-8').send(text)
  })
}
