/**
 * A table with a listener, a rule, a destination and an endpoint: names for the lines of the access
 * log.
 */

import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import type { TableBuffers } from '../../src/table/format/table.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'

const PLAN: Plan = {
  listeners: [
    {
      gateway: 'default/edge',
      bind: '127.0.0.1',
      port: 9000,
      opens: true,
      destination: 'local',
      otherwise: 'close',
      scopes: [
        {
          host: '',
          port: 0,
          addresses: [],
          defaultRoute: -1,
          rules: [
            {
              origin: {
                virtualService: 'shop/orders',
                block: 'tcp',
                route: 0,
                match: 0,
                file: 'config/orders.yaml',
                line: 7,
              },
              destinations: [],
              port: 0,
              clients: [],
              route: 0,
              never: null,
              source: { namespace: null, labels: {}, visibleTo: null },
            },
          ],
        },
      ],
    },
  ],
  routes: [{ identity: 'orders', destinations: [{ cluster: 0, weight: 1 }], split: 'random' }],
  clusters: [
    {
      host: 'orders.shop.svc.cluster.local',
      subset: 'v1',
      port: 9000,
      kind: 'static',
      names: [],
      labels: {},
      endpoints: [{ address: '127.0.0.1', port: 8080, weight: 1 }],
      policy: DEFAULT_POLICY,
    },
  ],
  sources: [],
}

export function benchTable(generation: number): TableBuffers {
  const slots = new Slots(createSlots(), generation, NO_COUNTS)
  return buildTable(PLAN, generation, slots.slotOf)
}
