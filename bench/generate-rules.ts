/**
 * Seeded lists of rules, kind and unkind:
 *
 *   realistic   services with addresses and ports of their own, each with rules for some clients and
 *               one for all; now and then a rule for a whole network; a last one for everything
 *   random      every attribute there or not, by chance: early rules hide almost all others
 *   ordered     the same rules, the most specific first: few rules hide others
 *   nested      every destination prefix around one address, in no order: the longest path there is
 *   labelled    the same, and each rule asks for a label that few clients have: nothing ends the search early
 *   wildcards   no rule asks for an address or a port, and all but the last for a label that nobody has
 *
 * Each rule is written for one workload, so that a matching connection can be generated.
 */

import { type Cidr, type Family, wordMask } from '../src/address/address.ts'
import { nextBelow, nextU32, type Random } from '../src/base/random.ts'
import type { Plan, Rule } from '../src/table/plan/plan.ts'
import { pick, seeded } from './generate.ts'
import { clientAddress, identityOf, ROUTES, rulesPlan, WORKLOADS } from './generate-plans.ts'

export type RuleKind = 'realistic' | 'random' | 'ordered' | 'nested' | 'labelled' | 'wildcards'

export type World = {
  readonly plan: Plan
  readonly rules: readonly Rule[]
  /** By rule: the workload that it was written for. */
  readonly workloads: Uint32Array
}

export const PORTS = [80, 443, 3306, 5432, 6379, 9000, 9092, 27017]

type Conditions = Pick<Rule, 'destinations' | 'port' | 'clients' | 'source'>
type Writer = (random: Random, index: number, count: number, workload: number) => Conditions

const ANY_SOURCE: Rule['source'] = { namespace: null, labels: {}, visibleTo: null }
const ANYONE: Conditions = { destinations: [], port: 0, clients: [], source: ANY_SOURCE }
const withLabels = (labels: Rule['source']['labels']): Rule['source'] => ({ ...ANY_SOURCE, labels })

const WRITERS: Readonly<Record<RuleKind, Writer>> = {
  realistic: writeRealistic,
  random: writeRandom,
  ordered: writeRandom,
  nested: random => writeNested(random),
  labelled: (random, _index, _count, workload) => ({
    ...writeNested(random),
    source: withLabels({ id: identityOf(workload).labels.id }),
  }),
  wildcards: (_random, index, count) =>
    index === count - 1 ? ANYONE : { ...ANYONE, source: withLabels({ id: `nobody-${index}` }) },
}

export function world(kind: RuleKind, count: number, seed = 3): World {
  const random = seeded(seed)
  const drawn = Array.from({ length: count }, () => nextBelow(random, WORKLOADS))
  const written = drawn.map((workload, index) => ({
    workload,
    asks: WRITERS[kind](random, index, count, workload),
  }))
  if (kind === 'ordered') written.sort((a, b) => specificity(b.asks) - specificity(a.asks))
  const workloads = Uint32Array.from(written, each => each.workload)
  const rules = written.map(({ asks }, index) => ({
    origin: {
      virtualService: `default/vs-${index >> 3}`,
      block: 'tcp' as const,
      route: index & 7,
      match: 0,
      file: 'rules.yaml',
      line: index,
    },
    ...asks,
    route: index % ROUTES,
    never: null,
  }))
  return { plan: rulesPlan(rules), rules, workloads }
}

/** The prefix lengths of rules for a network, and for a group of clients. */
const NETWORK_BITS = { 4: 16, 6: 48 }
const CLIENT_BITS = { 4: 24, 6: 120 }
/** One rule in so many is for a network. */
const NETWORK_EVERY = 100
const RULES_OF_SERVICE = 4

function writeRealistic(random: Random, index: number, count: number, workload: number): Conditions {
  if (index === count - 1) return ANYONE
  const { namespace, labels } = identityOf(workload)
  const service = Math.floor(index / RULES_OF_SERVICE)
  const family = service % 4 === 3 ? 6 : 4
  const address = serviceAddress(service, family)
  if (index % NETWORK_EVERY === 0) {
    const source = { ...withLabels({ app: labels.app }), namespace }
    return { ...ANYONE, destinations: [networkAround(address)], source }
  }
  const forAll = { ...ANYONE, destinations: [address], port: PORTS[service % PORTS.length] }
  if (index % RULES_OF_SERVICE === RULES_OF_SERVICE - 1) return forAll
  return pick(random, [
    { ...forAll, clients: [clientsAround(workload, family)] },
    { ...forAll, source: { ...ANY_SOURCE, namespace } },
    { ...forAll, source: withLabels({ app: labels.app }) },
  ])
}

function writeRandom(random: Random, _index: number, _count: number, workload: number): Conditions {
  const { namespace, labels } = identityOf(workload)
  const chance = (percent: number): boolean => nextBelow(random, 100) < percent
  const family = chance(75) ? 4 : 6
  const count = chance(70) ? 1 + nextBelow(random, 2) : 0
  return {
    destinations: Array.from({ length: count }, () => randomPrefix(random, family)),
    port: chance(80) ? pick(random, PORTS) : 0,
    clients: chance(10) ? [clientsAround(workload, family)] : [],
    source: {
      ...withLabels(chance(40) ? { app: labels.app } : {}),
      namespace: chance(30) ? namespace : null,
    },
  }
}

/** More for a longer prefix; then for a condition on the client, on its workload, on the port. */
function specificity({ destinations, clients, source, port }: Conditions): number {
  const fractions = destinations.map(({ family, bits }) => bits / (family === 4 ? 32 : 128))
  const labels = Object.keys(source.labels).length + (source.namespace === null ? 0 : 1)
  const others = (clients.length > 0 ? 8 : 0) + 2 * labels + (port > 0 ? 1 : 0)
  return (fractions.length === 0 ? 0 : 1 + Math.min(...fractions)) * 1000 + others
}

const NESTED_ADDRESS: Readonly<Record<Family, Uint32Array>> = {
  4: Uint32Array.of(0x0a000001, 0, 0, 0),
  6: Uint32Array.of(0xfd000000, 0, 0, 1),
}

function writeNested(random: Random): Conditions {
  const family = nextBelow(random, 2) === 0 ? 4 : 6
  const bits = 1 + nextBelow(random, family === 4 ? 32 : 128)
  const port = nextBelow(random, 9) === 0 ? 0 : 1024 + nextBelow(random, 1000)
  return { ...ANYONE, destinations: [cidr(family, NESTED_ADDRESS[family], bits)], port }
}

/** 10.x.y.z or fd00::x:y, a single address. */
function serviceAddress(service: number, family: Family): Cidr {
  const place = Math.imul(service + 1, 0x9e3779b1) >>> 8
  return family === 4
    ? cidr(4, Uint32Array.of(0x0a000000 | place, 0, 0, 0), 32)
    : cidr(6, Uint32Array.of(0xfd000000, place << 8, 0, service), 128)
}

/** In 10.0.0.0/8 or fd00::/16. */
function randomPrefix(random: Random, family: Family): Cidr {
  const bits = pick(random, family === 4 ? [16, 20, 22, 24, 24, 28, 32] : [32, 40, 48, 56, 64])
  const first = family === 4 ? 0x0a000000 | (nextU32(random) >>> 8) : 0xfd000000 | nextBelow(random, 2 ** 16)
  return cidr(family, Uint32Array.of(first, nextU32(random), 0, 0), bits)
}

/** A workload and its neighbours. */
const clientsAround = (workload: number, family: Family): Cidr =>
  cidr(family, clientAddress(workload, family), CLIENT_BITS[family])

const networkAround = ({ family, words }: Cidr): Cidr => cidr(family, words, NETWORK_BITS[family])

const cidr = (family: Family, words: Cidr['words'], bits: number): Cidr => ({
  family,
  bits,
  words: Uint32Array.from(words, (word, index) => word & wordMask(bits, index)),
})
