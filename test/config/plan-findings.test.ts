// Goal: each mistake between resources is reported once, at the wrong field. Method: one correct
// configuration, and one change at a time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLAN_CODES } from '../../src/config/plan/plan-codes.ts'
import { istio, planOf, type Written } from '../support/resources.ts'

const GATEWAY = {
  servers: [{ port: { number: 9000, name: 'p', protocol: 'TCP' }, hosts: ['*.example.com'] }],
}
const SERVICE = {
  hosts: ['db.default.svc.cluster.local'],
  addresses: ['10.0.0.1'],
  ports: [{ number: 5432, name: 'main', protocol: 'TCP' }],
  resolution: 'STATIC',
  endpoints: [{ address: '10.1.0.1', labels: { version: 'v1' } }],
}
const RULE = { host: 'db', subsets: [{ name: 'v1', labels: { version: 'v1' } }] }
const DESTINATION = { host: 'db', subset: 'v1', port: { number: 5432 } }
const VIRTUAL_SERVICE = {
  hosts: ['db.example.com'],
  gateways: ['gw'],
  tcp: [{ match: [{ port: 9000 }], route: [{ destination: DESTINATION }] }],
}

type Change = { gateway?: object; service?: object; rule?: object; virtualService?: object; more?: Written[] }

function findingsOf({ gateway, service, rule, virtualService, more }: Change): string[] {
  const { findings } = planOf([
    istio('Gateway', 'gw', { ...GATEWAY, ...gateway }),
    istio('ServiceEntry', 'db', { ...SERVICE, ...service }),
    istio('DestinationRule', 'db', { ...RULE, ...rule }),
    istio('VirtualService', 'vs', { ...VIRTUAL_SERVICE, ...virtualService }),
    ...(more ?? []),
  ])
  assert.ok(findings.list.every(each => each.severity === 'warning'))
  return findings.list.map(each => `${each.code} ${each.resource} ${each.field ?? ''}`)
}

const withMatch = (match: object) => ({ tcp: [{ match: [match], route: [{ destination: DESTINATION }] }] })
const withDestination = (destination: object) => ({
  tcp: [{ route: [{ destination: { ...DESTINATION, ...destination } }] }],
})
const twoPorts = [...SERVICE.ports, { number: 5433, name: 'aux', protocol: 'TCP' }]
const VS = 'VirtualService default/vs'
const AT = 'spec.tcp[0].route[0].destination'

const cases: { what: string; change: Change; found: string[] }[] = [
  { what: 'nothing is wrong', change: {}, found: [] },
  {
    what: 'a destination host is unknown, and so is its subset',
    change: { virtualService: withDestination({ host: 'ghost' }) },
    found: [`IST0101 ${VS} ${AT}.host`, `IST0101 ${VS} ${AT}.subset`],
  },
  {
    what: 'a subset is unknown',
    change: { virtualService: withDestination({ subset: 'v9' }) },
    found: [`IST0101 ${VS} ${AT}.subset`],
  },
  {
    what: 'the service does not have the port',
    change: { virtualService: withDestination({ port: { number: 1 } }) },
    found: [`IST0101 ${VS} ${AT}.port.number`],
  },
  {
    what: 'the service has several ports and none is named',
    change: {
      service: { ports: twoPorts },
      virtualService: { tcp: [{ route: [{ destination: { host: 'db' } }] }] },
    },
    found: [`IST0112 ${VS} ${AT}`],
  },
  {
    what: 'the destination is not exported to the namespace of the VirtualService',
    change: { service: { exportTo: ['other'] }, virtualService: withDestination({ subset: undefined }) },
    found: [`IST0101 ${VS} ${AT}.host`],
  },
  {
    what: 'a gateway is unknown',
    change: { virtualService: { gateways: ['gw', 'ghost'] } },
    found: [`IST0101 ${VS} spec.gateways[1]`],
  },
  {
    what: 'no server of the gateway has any of the hosts, so that the port is of no matter',
    change: { virtualService: { hosts: ['db.example.org'] } },
    found: [`IST0132 ${VS} spec.gateways[0]`],
  },
  {
    what: 'no server offers the port',
    change: { virtualService: withMatch({ port: 9001 }) },
    found: [`CFG408 ${VS} spec.tcp[0].match[0].port`],
  },
  {
    what: 'the port is offered, but not by the gateway that the match is narrowed to',
    change: {
      virtualService: { gateways: ['gw', 'second'], ...withMatch({ port: 9000, gateways: ['second'] }) },
      more: [
        istio('Gateway', 'second', {
          servers: [{ ...GATEWAY.servers[0], port: { number: 9002, name: 'p', protocol: 'TCP' } }],
        }),
      ],
    },
    found: [`CFG408 ${VS} spec.tcp[0].match[0].port`],
  },
  {
    what: 'a match names a gateway outside the list',
    change: { virtualService: withMatch({ gateways: ['gw', 'other'] }) },
    found: [`CFG409 ${VS} spec.tcp[0].match[0].gateways[1]`],
  },
  {
    what: 'no service has a host of a mesh VirtualService',
    change: { virtualService: { hosts: ['db', 'ghost'], gateways: [], ...withMatch({ port: 5432 }) } },
    found: [`CFG407 ${VS} spec.hosts[1]`],
  },
  {
    what: 'no service of a mesh VirtualService has the port',
    change: { virtualService: { hosts: ['db'], gateways: ['mesh'], ...withMatch({ port: 1 }) } },
    found: [`CFG408 ${VS} spec.tcp[0].match[0].port`],
  },
  {
    what: 'a DestinationRule is for an unknown host',
    change: { more: [istio('DestinationRule', 'lost', { host: 'ghost' })] },
    found: ['IST0174 DestinationRule default/lost spec.host'],
  },
  {
    what: 'a subset selects no endpoint',
    change: { rule: { subsets: [...RULE.subsets, { name: 'v2', labels: { version: 'v2' } }] } },
    found: ['IST0173 DestinationRule default/db spec.subsets[1]'],
  },
  {
    what: 'a DestinationRule is for chosen workloads, of which this is none',
    change: {
      more: [
        istio('DestinationRule', 'some', { host: 'db', workloadSelector: { matchLabels: { app: 'x' } } }),
      ],
    },
    found: ['CFG411 DestinationRule default/some spec.workloadSelector'],
  },
  {
    what: 'a gateway would have to forward to its own address',
    change: { service: { resolution: 'NONE', endpoints: [] }, virtualService: withDestination({}) },
    found: [`CFG412 ${VS} ${AT}.host`],
  },
  {
    what: 'the balancer behind a gateway is PASSTHROUGH',
    change: {
      rule: { trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } } },
      virtualService: withDestination({}),
    },
    found: [`CFG412 ${VS} ${AT}.host`],
  },
]

for (const { what, change, found } of cases) {
  test(`findings when ${what}`, () => assert.deepEqual(findingsOf(change), found))
}

test('a dotted name that lacks only the domain gets a hint', () => {
  const { findings } = planOf([
    istio('ServiceEntry', 'db', SERVICE),
    istio('VirtualService', 'vs', {
      hosts: ['db'],
      tcp: [{ route: [{ destination: { host: 'db.default' } }] }],
    }),
  ])
  assert.deepEqual(
    findings.list.map(each => each.hint),
    ['a name with a dot counts as complete: did you mean "db.default.svc.cluster.local"?'],
  )
})

test('every code of this stage says what it means and how to fix it', () => {
  for (const [code, { title, cure }] of Object.entries(PLAN_CODES)) assert.ok(title && cure, code)
})

test('an exact split whose period is too long is told of, also where another way of splitting is fine', () => {
  const written = (split: string, weights: number[]) => [
    {
      ...istio('VirtualService', 'vs', {
        hosts: ['db'],
        tcp: [{ route: weights.map(weight => ({ destination: { host: 'db' }, weight })) }],
      }),
      metadata: { name: 'vs', namespace: 'default', annotations: { 'gateway.weir/split': split } },
    },
    istio('ServiceEntry', 'db', SERVICE),
  ]
  const told = (split: string, weights: number[]) =>
    planOf(written(split, weights))
      .findings.list.filter(each => each.code === 'CFG413')
      .map(each => each.field)
  assert.deepEqual(told('exact', [1_000_000_007, 3]), ['spec.tcp[0].route'])
  assert.deepEqual(told('exact', [1_000_003, 1, 1, 1, 1]), ['spec.tcp[0].route'])
  assert.deepEqual(told('exact', [1_000_003, 1, 1, 1]), [])
  assert.deepEqual(told('exact', [1_000_003, 1]), [])
  assert.deepEqual(told('exact', [80, 20, 0]), [])
  assert.deepEqual(told('sticky', [1_000_000_007, 3]), [])
})
