/**
 * Goal: endpoints that an API changes are, without a compilation, what a compilation would make of
 * them. Method: random changes of EndpointSlices, Endpoints, Pods and Nodes; after each the rows of
 * the table are held beside those of a table that is compiled from nothing.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Loaded, loadConfig } from '../../src/config/load.ts'
import { type ApiObject, objectKey } from '../../src/config/text/read-objects.ts'
import { compiledLive } from '../../src/control/compile/cluster-rows.ts'
import { EndpointChanges } from '../../src/control/endpoint-changes.ts'
import { LiveEndpoints } from '../../src/control/live-endpoints.ts'
import { type Kept, readObject } from '../../src/source/kubernetes/objects.ts'
import { ObjectStore } from '../../src/source/kubernetes/store.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { behindOf } from '../../src/table/build/endpoint-rows.ts'
import { runOf } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { openTable, type Table, withEndpoints } from '../../src/table/format/table.ts'
import { enoughRuns, runs } from '../support/full.ts'

type Written = { readonly apiVersion: string; readonly kind: string; readonly metadata: object }

const written = (apiVersion: string, kind: string, name: string, rest: object, metadata: object = {}) =>
  ({ apiVersion, kind, metadata: { name, namespace: 'shop', ...metadata }, ...rest }) as Written
const istio = (kind: string, name: string, spec: object) =>
  written('networking.istio.io/v1', kind, name, { spec })

const SERVICES: Readonly<Record<string, object>> = {
  plain: { clusterIP: '10.0.0.1' },
  dual: { clusterIPs: ['10.0.0.2', 'fd00::2'], ipFamilies: ['IPv4', 'IPv6'] },
  near: { clusterIP: '10.0.0.3', trafficDistribution: 'PreferClose' },
  labelled: { clusterIP: '10.0.0.4' },
  hashed: { clusterIP: '10.0.0.5' },
  turns: { clusterIP: '10.0.0.6' },
  hinted: { clusterIP: '10.0.0.7' },
}
const NAMES = Object.keys(SERVICES)
const PORTS = [{ port: 80, name: 'tcp', targetPort: 8080 }]

const rule = (host: string, spec: object) => istio('DestinationRule', host, { host, ...spec })
const routeTo = (host: string, subset?: string) => ({
  route: [{ destination: { host, port: { number: 80 }, ...(subset && { subset }) } }],
})
const RULES: readonly Written[] = [
  istio('Gateway', 'edge', {
    servers: [{ port: { number: 9000, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
  }),
  ...NAMES.map(name =>
    written(
      'v1',
      'Service',
      name,
      { spec: { ...SERVICES[name], ports: PORTS } },
      name === 'hinted' ? { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } } : {},
    ),
  ),
  istio('VirtualService', 'all', {
    hosts: ['*'],
    gateways: ['edge'],
    tcp: [...NAMES.map(name => routeTo(name)), routeTo('labelled', 'v1')].map((to, index) => ({
      match: [{ destinationSubnets: [`10.9.${index}.0/24`] }],
      ...to,
    })),
  }),
  rule('labelled', { subsets: [{ name: 'v1', labels: { version: 'v1' } }] }),
  rule('near', { trafficPolicy: { outlierDetection: {} } }),
  rule('hashed', {
    trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 13 } } } },
  }),
  rule('turns', { trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } } }),
]
const SETTINGS = `
apiVersion: gateway.weir/v1
kind: Settings
spec: {mesh: {capture: none}, locality: {region: eu, zone: a}}
`

const few = fc.integer({ min: 0, max: 3 })
const flag = fc.boolean()
const endpoint = fc.record({
  at: few,
  isSecond: flag,
  ready: fc.constantFrom(undefined, true, true, false),
  serving: flag,
  terminating: flag,
  zone: fc.constantFrom(undefined, 'a', 'b'),
  pod: fc.option(few, { nil: undefined }),
  hints: fc.constantFrom(undefined, ['a'], ['a'], ['b'], ['b'], ['a', 'b'], []),
})
const service = fc.constantFrom(...NAMES)
const port = fc.constantFrom(8080, 8081)

const slice = fc
  .record({ service, index: few, isOther: flag, port, endpoints: fc.array(endpoint, { maxLength: 5 }) })
  .map(({ service: name, index, isOther, port: number, endpoints }) => {
    const isV6 = isOther && name === 'dual'
    return written(
      'discovery.k8s.io/v1',
      'EndpointSlice',
      `${name}-${index}${isV6 ? '-v6' : ''}`,
      {
        addressType: isV6 ? 'IPv6' : 'IPv4',
        ports: [{ name: 'tcp', port: number, protocol: 'TCP' }],
        endpoints: endpoints.map(({ at, isSecond, zone, pod, hints, ...conditions }) => ({
          addresses: [isV6 ? `fd00:1::${at + 1}` : `10.1.${isSecond ? 1 : 0}.${at + 1}`],
          conditions,
          nodeName: `node-${at}`,
          ...(zone && { zone }),
          ...(pod !== undefined && { targetRef: { kind: 'Pod', name: `pod-${pod}` } }),
          ...(hints && { hints: { forZones: hints.map(each => ({ name: each })) } }),
        })),
      },
      { labels: { 'kubernetes.io/service-name': name } },
    )
  })
const legacy = fc
  .record({ service, port, at: fc.array(few, { maxLength: 3 }) })
  .map(({ service: name, port: number, at }) =>
    written('v1', 'Endpoints', name, {
      subsets: [
        { addresses: at.map(each => ({ ip: `10.2.0.${each + 1}` })), ports: [{ name: 'tcp', port: number }] },
      ],
    }),
  )
const PODS = [0, 1, 2, 3].map(index =>
  written(
    'v1',
    'Pod',
    `pod-${index}`,
    { status: { phase: 'Running', podIP: `10.1.0.${index + 1}` } },
    { labels: { version: `v${index % 2}` } },
  ),
)
const change = fc.record({ object: fc.oneof({ weight: 9, arbitrary: slice }, legacy), isGone: fc.nat(4) })

/** One generation after the other, of a store that changes. */
class Followed {
  readonly store = new ObjectStore()
  readonly #known = new Map<string, Kept>()
  readonly #slots = createSlots()
  #revision = 0
  #generation = 0
  #isAnyway = false
  readonly #live = new LiveEndpoints({
    objectsOf: name => ({
      slices: this.store.endpoints.slicesOf(name),
      endpoints: this.store.endpoints.endpointsOf(name),
      pod: id => this.store.get(` Pod ${id}`),
      podsAt: address => this.store.podsAt(address),
      nodes: this.store.nodes,
    }),
    changedSince: revision => this.store.endpoints.changedSince(revision),
    compileAnyway: () => {
      this.#isAnyway = true
    },
    usePods: ({ selectsPods, filesHaveWorkloads }) => {
      this.store.podUse = { selected: selectsPods, shared: filesHaveWorkloads, locality: true }
    },
  })
  #changes: EndpointChanges | null = null
  #table: Table | null = null

  /** @param object  As an API has it; null for one that is gone. */
  put(object: Written, isGone = false): void {
    const kept = readObject(object, object.kind, object.apiVersion)
    assert.ok(kept)
    const key = objectKey(kept.object)
    const before = this.#known.get(key) ?? null
    if (isGone) this.#known.delete(key)
    else this.#known.set(key, kept)
    if (this.store.take(isGone ? null : kept, before)) this.#revision++
  }

  cold(): Loaded {
    const objects = [...this.store.all()]
      .map(([key, { object }]) => ({ key, object: object as ApiObject, lastGood: null }))
      .sort((left, right) => (left.key < right.key ? -1 : 1))
    const files = [{ file: 'settings.yaml', bytes: new TextEncoder().encode(SETTINGS) }]
    return loadConfig(files, { names: new Map(), objects })
  }

  build({ plan }: Loaded): Table {
    assert.ok(plan)
    const { slotOf } = new Slots(this.#slots, this.#generation, NO_COUNTS)
    return openTable(buildTable(plan, this.#generation, slotOf))
  }

  /** A generation of what there is now. */
  begin(): void {
    this.#generation++
    this.#isAnyway = false
    const loaded = this.cold()
    const live = compiledLive(loaded.plan, loaded.live, null, this.#revision)
    this.#changes = new EndpointChanges([], new Map(), this.#slots, NO_COUNTS)
    this.#table = this.build(loaded)
    assert.deepEqual(this.#live.begin(live), [], 'what was compiled just now is up to date')
  }

  /** Changes the endpoints of these; false: rules have to be compiled. */
  change(services: readonly string[]): boolean {
    assert.ok(this.#table && this.#changes)
    const rows = this.#live.change(services)
    const made = this.#changes.change(this.#table, new Map(), 0, rows)
    if (made) this.#table = withEndpoints(this.#table, made.buffer)
    return !this.#isAnyway
  }

  get table(): Table {
    assert.ok(this.#table)
    return this.#table
  }
}

/** The words of each cluster's run: rows, tables and groups. */
function wordsOf(table: Table, clusters: number): { run: number[]; words: number[] }[] {
  const { endpoints } = table
  return Array.from({ length: clusters }, (_, cluster) => {
    const run = runOf(table, cluster)
    const [first, ...rest] = endpoints.subarray(run, run + EndpointRun.WORDS)
    const [count, , drawn, groups] = rest
    const from = first * Endpoint.WORDS
    const until = from + count * Endpoint.WORDS + behindOf(drawn, groups)
    return { run: rest, words: [...endpoints.subarray(from, until)] }
  })
}

test('endpoints that change are what a compilation would make of them', () => {
  let followed = 0
  let compiled = 0
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 20, size: 'max' }), changes => {
      const scene = new Followed()
      for (const each of [...RULES, ...PODS]) scene.put(each)
      scene.begin()
      for (const { object, isGone } of changes) {
        scene.put(object, isGone === 0)
        const { labels } = object.metadata as { labels?: Readonly<Record<string, string>> }
        const name = labels?.['kubernetes.io/service-name'] ?? (object.metadata as { name: string }).name
        if (!scene.change([`shop/${name}`])) {
          compiled++
          scene.begin()
          continue
        }
        followed++
        const cold = scene.cold()
        const clusters = cold.plan?.clusters.length ?? 0
        assert.equal(clusters, NAMES.length + 1, cold.diagnostics.map(each => each.message).join('; '))
        assert.deepEqual(wordsOf(scene.table, clusters), wordsOf(scene.build(cold), clusters))
      }
    }),
    { numRuns: runs(200) },
  )
  assert.ok(followed > compiled, `${followed} followed, ${compiled} compiled`)
  if (enoughRuns) assert.ok(compiled > 0, 'the generator must change what rules depend on')
})

test('the workloads of files, and no others, may share the address of any Pod of the API', () => {
  const entry = written('networking.istio.io/v1', 'WorkloadEntry', 'vm', { spec: { address: '10.1.0.1' } })
  const [object, names] = [entry as unknown as ApiObject, new Map<string, never>()]
  const ofApi = loadConfig([], { names, objects: [{ key: 'vm', object, lastGood: null }] })
  assert.equal(ofApi.live.filesHaveWorkloads, false)
  const ofFile = loadConfig([{ file: 'vm.yaml', bytes: Buffer.from(JSON.stringify(entry)) }], { names })
  assert.equal(ofFile.live.filesHaveWorkloads, true)
})
