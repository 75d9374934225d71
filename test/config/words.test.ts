/**
 * A word of the operator's is a word: `constructor` and `toString` mean no more than any other.
 *
 * Method: files with most of what can be written; each name, key and text in them is replaced in
 * turn. First by a word whose look-up in a plain object's prototype is noticed, so that no object
 * anywhere is asked for it without asking whether it is its own; then by names that every object
 * inherits, and by others that look like them: both must come to the same plan and findings.
 */

import { deepEqual, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { explain } from '../../src/table/explain/explain.ts'
import { openTable } from '../../src/table/format/table.ts'
import { sized } from '../support/full.ts'

type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json }

/** A file for each way that a name is looked up by another. */
const FILES = [
  `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: named, labels: {app: a}}
spec:
  hosts: [named.com]
  addresses: [10.9.0.1]
  resolution: STATIC
  ports: [{number: 7000, name: tcp, protocol: TCP}, {number: 7001, name: other, protocol: TCP}]
  endpoints: [{address: 10.0.0.1, ports: {tcp: 7100, other: 7101}, labels: {version: v1}}]
`,
  `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: one, labels: {app: web}}
spec: {address: 10.0.0.2, ports: {tcp: 7200}, labels: {app: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.9.0.2
  selector: {app: web}
  ports: [{name: tcp, port: 7000, targetPort: tcp}, {name: second, port: 7001}]
---
apiVersion: v1
kind: Pod
metadata: {name: pod, labels: {app: web}}
spec: {containers: [{ports: [{name: tcp, containerPort: 7300}]}]}
status: {phase: Running, podIP: 10.0.0.3, conditions: [{type: Ready, status: 'True'}]}
`,
  `
apiVersion: v1
kind: Service
metadata: {name: sliced}
spec: {clusterIP: 10.9.0.3, ports: [{name: tcp, port: 7000}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: sliced-1, labels: {kubernetes.io/service-name: sliced}}
addressType: IPv4
ports: [{name: tcp, port: 7400}]
endpoints: [{addresses: [10.0.0.4], targetRef: {kind: Pod, name: pod}}]
`,
  `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gate}
spec: {selector: {istio: gate}, servers: [{port: {number: 7500, name: tcp, protocol: TCP}, hosts: ['*'], bind: 127.0.0.1}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: routes, annotations: {gateway.weir/split: exact}}
spec:
  hosts: [named.com]
  gateways: [gate, mesh]
  exportTo: ['.']
  tcp:
    - match: [{sourceLabels: {app: web}, sourceNamespace: default, gateways: [gate]}]
      route: [{destination: {host: named.com, subset: v1, port: {number: 7000}}}]
    - route:
        - {destination: {host: named.com, port: {number: 7000}}, weight: 80}
        - {destination: {host: named.com, subset: v1, port: {number: 7000}}, weight: 20}
  http: [{match: [{headers: {a: {exact: b}}}], route: [{destination: {host: named.com}}], retries: {attempts: 1, retryOn: 5xx}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: rule}
spec:
  host: named.com
  subsets: [{name: v1, labels: {app: web}}]
  trafficPolicy:
    loadBalancer: {simple: RANDOM, localityLbSetting: {distribute: [{from: a, to: {a/b: 100}}]}}
    connectionPool: {tcp: {connectTimeout: 1s}}
    tls: {mode: SIMPLE}
    portLevelSettings: [{port: {number: 7000}, loadBalancer: {simple: ROUND_ROBIN}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: named}
spec:
  hosts: [named.com]
  addresses: [10.9.0.2]
  resolution: STATIC
  ports: [{number: 7000, name: tcp, protocol: TCP}]
  endpoints: [{address: 10.0.0.1, labels: {app: web}}]
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec:
  mesh: {capture: none}
  sources: [{cidr: 10.1.0.0/16, namespace: default, labels: {app: web}}]
`,
]

const read = (text: string): Json[] => parseAllDocuments(text).map(each => each.toJS() as Json)
const SAMPLES = FILES.map(read)

/** Every way of putting `word` in the place of one key or text of `value`. */
function* inValue(value: Json, word: string): Generator<Json> {
  if (typeof value === 'string') yield word
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      for (const each of inValue(item, word)) yield value.with(index, each)
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
    for (const [index, [key, member]] of entries.entries()) {
      yield Object.fromEntries(entries.with(index, [word, member]))
      for (const each of inValue(member, word)) yield Object.fromEntries(entries.with(index, [key, each]))
    }
  }
}

/** Of all replacements every `STEP`th is tried, from another one in each run. */
const STEP = sized(4, 1)
const FIRST = Math.floor(Math.random() * STEP)

function* replacements(documents: readonly Json[], word: string): Generator<readonly Json[]> {
  let index = 0
  for (const each of inValue(documents, word) as Generator<readonly Json[]>)
    if (index++ % STEP === FIRST) yield each
}

type Outcome = { readonly plan: unknown; readonly found: readonly string[]; readonly answers: unknown }

/** Findings and plan of the files; without hints, which name similar words. */
function outcomeOf(documents: readonly Json[], word: string): Outcome {
  const text = documents.map(each => JSON.stringify(each)).join('\n---\n')
  const { plan, diagnostics } = loadConfig([{ file: 'f.yaml', bytes: Buffer.from(text) }], {
    names: new Map(),
  })
  const found = diagnostics.map(({ code, field, message }) => `${code} ${field} ${message}`)
  const labels = { [word]: word, app: 'web' }
  const source = { ip: '10.0.0.2', namespace: word, labels }
  const table = plan && openTable(buildTable(plan, 1, () => 1))
  const answers =
    table &&
    plan.listeners.map(({ gateway, bind, port }) =>
      explain(table, { gateway, source, destination: { ip: bind || '10.9.0.2', port } }),
    )
  return { plan, found, answers }
}

test('the files are right as they stand', () => {
  for (const sample of SAMPLES) {
    const { plan, found } = outcomeOf(sample, 'web')
    ok(plan !== null, found.join(', '))
  }
})

test('no word of a file is looked up among what objects inherit', () => {
  const POISON = 'zqxjv'
  const hits = new Set<string>()
  Object.defineProperty(Object.prototype, POISON, {
    configurable: true,
    get: () => void hits.add(String(new Error('looked up').stack?.split('\n')[2])),
    set(value) {
      Object.defineProperty(this, POISON, { value, configurable: true, enumerable: true, writable: true })
    },
  })
  try {
    for (const sample of SAMPLES) for (const each of replacements(sample, POISON)) outcomeOf(each, POISON)
  } finally {
    Reflect.deleteProperty(Object.prototype, POISON)
  }
  deepEqual([...hits], [])
})

test('names that every object inherits mean what other names mean', () => {
  const [name, other] = ['constructor', 'constructer']
  const plain = (outcome: Outcome): unknown => JSON.parse(JSON.stringify(outcome).replaceAll(other, name))
  for (const sample of SAMPLES) {
    const others = replacements(sample, other)
    for (const each of replacements(sample, name)) {
      deepEqual(plain(outcomeOf(each, name)), plain(outcomeOf(others.next().value, other)))
    }
  }
})

test('labels may have all of those names at once', () => {
  const names = ['constructor', 'toJSON', 'toString', 'valueOf', 'hasOwnProperty', 'length', 'size', 'then']
  const labels = JSON.stringify(Object.fromEntries(names.map(name => [name, name])))
  const [, , , routes] = FILES
  const { plan, found, answers } = outcomeOf(read(routes.replaceAll('{app: web}', labels)), 'constructor')
  ok(plan !== null, found.join(', '))
  match(JSON.stringify(answers), /the client has no label toString, not toString=toString/)
})
