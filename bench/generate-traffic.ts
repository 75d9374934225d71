/**
 * Connections to match against a list of rules: each is made to fit one of them, though an earlier
 * rule may take it.
 */

import { type Cidr, parseCidr, wordMask } from '../src/address/address.ts'
import { nextBelow, nextU32, type Random } from '../src/base/random.ts'
import { nextRank, pick, seeded } from './generate.ts'
import { clientAddress } from './generate-plans.ts'
import { PORTS, type World } from './generate-rules.ts'

/** Connections in flat arrays: addresses have four words each. */
export type Traffic = {
  readonly count: number
  readonly families: Uint8Array
  readonly destinations: Uint32Array
  readonly ports: Uint16Array
  readonly clients: Uint32Array
  readonly workloads: Uint32Array
}

/** The destination of connections for a rule that asks for none. */
const ANYWHERE = parseCidr('10.0.0.0/8') as Cidr

/** `count` connections: for any rule, or for few of them very often. */
export function traffic(
  { rules, workloads }: World,
  spread: 'uniform' | 'skewed',
  count: number,
  seed = 4,
): Traffic {
  const random = seeded(seed)
  const choose = spread === 'uniform' ? nextBelow : nextScattered
  const made = {
    count,
    families: new Uint8Array(count),
    destinations: new Uint32Array(4 * count),
    ports: new Uint16Array(count),
    clients: new Uint32Array(4 * count),
    workloads: new Uint32Array(count),
  }
  for (let index = 0; index < count; index++) {
    const chosen = choose(random, rules.length)
    const { destinations, port } = rules[chosen]
    const range = destinations.length === 0 ? ANYWHERE : pick(random, destinations)
    made.families[index] = range.family
    made.destinations.set(addressInside(random, range), 4 * index)
    made.ports[index] = port === 0 ? pick(random, PORTS) : port
    made.workloads[index] = workloads[chosen]
    made.clients.set(clientAddress(workloads[chosen], range.family), 4 * index)
  }
  return made
}

/** A few numbers very often; they are spread below `limit`, as often used rules are in a list. */
const nextScattered = (random: Random, limit: number): number => (nextRank(random, limit) * 7919) % limit

const addressInside = (random: Random, { family, words, bits }: Cidr): Uint32Array =>
  Uint32Array.from(words, (word, index) =>
    family === 4 && index > 0 ? 0 : word | (nextU32(random) & ~wordMask(bits, index)),
  )
