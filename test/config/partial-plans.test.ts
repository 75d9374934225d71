/**
 * Goal: a load that takes over what VirtualServices came to in the last one gives what a first load
 * would give: the same Plan, the same findings in the same order, the same table byte for byte.
 *
 * Method: files whose resources refer to each other in many ways (several listeners for one
 * VirtualService, the mesh, subsets, private services, clients, TLS), edited again and again. After
 * each edit one load with memory is compared with one without. A memory that forgets to look at
 * something is planted, to see that this finds it.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadConfig } from '../../src/config/load.ts'
import { LoadMemory } from '../../src/config/load-memory.ts'
import { PlanMemory } from '../../src/config/plan/plan-memory.ts'
import { type ApiObject, objectKey } from '../../src/config/text/read-objects.ts'
import { BuildMemory, buildTable } from '../../src/table/build/builder.ts'
import { enoughRuns, runs } from '../support/full.ts'
import { resource, START, server } from './partial-plans-documents.ts'
import { begun, edited, type Files, history, nameIn } from './partial-plans-edits.ts'

const written = (files: Files) =>
  files.map((documents, index) => ({
    file: `${index}.yaml`,
    bytes: new TextEncoder().encode(documents.join('---\n')),
  }))

type Load = {
  readonly files: Files
  readonly notes: boolean
  readonly resolves: boolean
  /** What an API has of the documents, by their texts: these, and what was parsed; null: no API. */
  readonly parsed?: Map<string, ApiObject> | null
}

/** Settings are in files in any case; of several objects of one name an API has one. */
function divided(files: Files, parsed: Map<string, ApiObject>) {
  const isOwn = (text: string): boolean => nameIn(text).startsWith('Settings ')
  const parse = (text: string): ApiObject => JSON.parse(text.replaceAll(/^#.*$/gm, ''))
  const texts = files.flat().filter(text => !isOwn(text))
  const byKey = new Map(
    texts.map(text => {
      const object = parsed.getOrInsertComputed(text, parse)
      const key = objectKey(object)
      return [key, { key, object, lastGood: null }] as const
    }),
  )
  const objects = [...byKey.keys()].sort().flatMap(key => byKey.get(key) ?? [])
  return { files: files.map(list => list.filter(isOwn)), objects }
}

function load({ files: all, notes, resolves, parsed = null }: Load, memory?: LoadMemory) {
  const names = new Map(resolves ? [['n1.test', ['127.0.0.9']]] : [])
  const { files, objects } = parsed ? divided(all, parsed) : { files: all, objects: undefined }
  const loaded = loadConfig(written(files), {
    names,
    lint: { notes, openPortsFrom: 0 },
    ...(objects && { objects }),
    ...(memory && { memory }),
  })
  const { defines: _, stages: __, ...rest } = loaded
  return rest
}

/** Of all loads of a property. */
type Counts = { plans: number; taken: number; made: number; reviews: number }

const property = (memoryOf: () => LoadMemory, counts: Counts, ofApi = false) =>
  fc.property(history, ({ first, steps }) => {
    const memory = memoryOf()
    const parsed = new Map<string, ApiObject>()
    const tables = new BuildMemory()
    let files = begun(first)
    for (const { edit, ...how } of [{ edit: null, notes: false, resolves: false }, ...steps]) {
      if (edit) files = edited(files, edit)
      const whole = load({ files, ...how, parsed: ofApi ? new Map() : null })
      const part = load({ files, ...how, parsed: ofApi ? parsed : null }, memory)
      deepEqual(part, whole)
      if (whole.plan === null || part.plan === null) continue
      counts.plans++
      const [alone, after] = [buildTable(whole.plan, 1, () => 0), buildTable(part.plan, 1, () => 0, tables)]
      for (const name of ['routing', 'endpoints', 'clients'] as const)
        equal(Buffer.compare(new Uint8Array(alone[name]), new Uint8Array(after[name])), 0, name)
    }
    counts.taken += memory.plan.taken
    counts.made += memory.plan.made
    counts.reviews += memory.review.reused
  })

test('a load that takes over what is the same gives what a first load gives', t => {
  const counts: Counts = { plans: 0, taken: 0, made: 0, reviews: 0 }
  const numRuns = runs(400)
  fc.assert(
    property(() => new LoadMemory(), counts),
    { numRuns },
  )
  t.diagnostic(JSON.stringify(counts))
  ok(counts.plans > numRuns, `only ${counts.plans} tables were compared`)
  if (enoughRuns) ok(counts.taken > counts.made / 2, 'most rules must be taken over')
  ok(counts.made > counts.taken / 20, 'some rules must be made anew')
  ok(counts.reviews > counts.plans / 2, 'the fates of many scopes must be taken over')
})

test('so does one of objects of an API', t => {
  const counts: Counts = { plans: 0, taken: 0, made: 0, reviews: 0 }
  const numRuns = runs(120)
  fc.assert(
    property(() => new LoadMemory(), counts, true),
    { numRuns },
  )
  t.diagnostic(JSON.stringify(counts))
  ok(counts.plans > numRuns, `only ${counts.plans} tables were compared`)
  ok(counts.taken > counts.made / 2, 'most rules must be taken over')
})

test('routes that two places share are where the first one has them', () => {
  const to = (host: string, subnet: string) => ({
    match: [{ destinationSubnets: [subnet] }],
    route: [{ destination: { host, port: { number: 80 } } }],
  })
  const routes = (name: string, gateways: readonly string[], count: number, host: string): string =>
    resource('VirtualService', `default/${name}`, {
      hosts: ['*'],
      gateways,
      tcp: Array.from({ length: count }, (_, index) => to(host, `10.${name.charCodeAt(0)}.${index}.0/24`)),
    })
  const ports = ['one', 'two'].map((name, index) =>
    resource('Gateway', `default/${name}`, { selector: {}, servers: [server(15_110 + index, 'TCP', ['*'])] }),
  )
  const shared = routes('z', ['default/one', 'default/two'], 2, 'c.com')
  // As many routes as before precede the second place of the last, and one more its first.
  const files = (more: number): Files => [
    [...START, ...ports],
    [shared],
    [routes('x', ['default/one'], 1 + more, 'a.com'), routes('y', ['default/two'], 2 - more, 'b.com')],
  ]
  const memory = new LoadMemory()
  for (const more of [0, 1, 0, 0]) {
    const how = { files: files(more), notes: false, resolves: false }
    deepEqual(load(how, memory), load(how))
  }
  ok(memory.plan.taken > 0)
})

test('a name that another server takes from now on is told, though nothing else differs', () => {
  const files = (other: string): Files => [
    START,
    [
      resource('Gateway', 'default/one', {
        selector: {},
        servers: ['*.b.com', other].map((host, index) => ({
          ...server(15_443, 'TLS', [host]),
          port: { number: 15_443, name: `t${index}`, protocol: 'TLS' },
        })),
      }),
    ],
    [
      resource('VirtualService', 'shop/v', {
        hosts: ['x.b.com'],
        gateways: ['default/one'],
        tls: [
          {
            match: [{ sniHosts: ['x.b.com'] }],
            route: [{ destination: { host: 'a.com', port: { number: 80 } } }],
          },
        ],
      }),
    ],
  ]
  const memory = new LoadMemory()
  const codes = ['default/a.com', 'default/x.b.com', 'default/a.com'].map(other => {
    const how = { files: files(other), notes: false, resolves: false }
    const part = load(how, memory)
    deepEqual(part, load(how))
    return part.diagnostics.map(each => each.code).filter(code => code === 'CFG466')
  })
  deepEqual(codes, [[], ['CFG466'], []])
})

test('a memory that looks at less is found out', () => {
  /** As if nothing but VirtualServices ever changed. */
  class Careless extends PlanMemory {
    readonly #same = {}

    override surroundings(): object {
      return this.#same
    }
  }
  const careless = () => Object.assign(new LoadMemory(), { plan: new Careless() })
  const counts: Counts = { plans: 0, taken: 0, made: 0, reviews: 0 }
  const { failed } = fc.check(property(careless, counts), { numRuns: 2_000, endOnFailure: true })
  ok(failed, 'nothing was found')
})
