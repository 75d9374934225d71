/**
 * Scenarios whose outcome is one, whatever the schedule: so the simulated kernel and the real ones
 * must agree on it (fidelity.test.ts). Each pair of a client and a server has a listener and a
 * destination of its own.
 */

import { formatAddress, parseCidr } from '../../src/address/address.ts'
import { Live } from '../../src/stats/connections.ts'
import { REASON_NAMES } from '../../src/stats/reasons.ts'
import { RecordReader } from '../../src/stats/records.ts'
import type { Plan, ReadsProxy } from '../../src/table/plan/plan.ts'
import type { Policy } from '../../src/table/plan/policy.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { Dice } from './dice.ts'
import { nameOf } from './names.ts'
import { PLAIN, type Script } from './peers.ts'
import { drawPreface, type Preface } from './senders.ts'

export type Place = { readonly address: string; readonly port: number }

export type Pair = {
  readonly kind: string
  readonly client: Partial<Script>
  /** null: nobody listens there. */
  readonly server: Partial<Script> | null
  readonly policy: Partial<Policy>
  readonly isRouted: boolean
  readonly reads: ReadsProxy | null
  readonly preface: Preface | null
}

/** How a side saw the connection end; whoever has reset it sees nothing more. */
export type Seen = { readonly heard: number; readonly end: 'end' | 'reset' | 'has reset' }

export type Outcome = {
  readonly kind: string
  readonly reason: string
  readonly client: Seen
  readonly server: Seen | null
  /** Of a connection that ended in order: from the client, on to the upstream, and the way back. */
  readonly bytes: readonly number[]
  readonly attempts: number
  /** Who a header says that the client is. */
  readonly claimed: string
}

const cidr = (text: string) => parseCidr(text) as NonNullable<ReturnType<typeof parseCidr>>
const ANYBODY = ['0.0.0.0/0', '::/0'].map(cidr)
const NOBODY = [cidr('192.0.2.0/24')]
const CLAIMED = [nameOf('198.51.100.7', 1234), nameOf('203.0.113.9', 443)] as const

type Make = (dice: Dice) => Partial<Pair>

const talks = (dice: Dice): Partial<Script> => ({
  says: dice.size(100_000),
  piece: dice.size(20_000) + 500,
  gapMs: dice.pick([0, 2]),
})
const header = (from: ReadsProxy['from'], require: boolean, timeoutMs: number): ReadsProxy => ({
  from,
  require,
  versions: [1, 2],
  timeoutMs,
})

/** Kinds of pairs, by name. */
const KINDS: Readonly<Record<string, Make>> = {
  clientEnds: dice => ({
    client: { ...talks(dice), ends: 'first' },
    server: { ...talks(dice), after: dice.size(64), ends: 'last' },
  }),
  serverEnds: dice => ({
    client: { ...talks(dice), ends: 'last' },
    server: { ...talks(dice), ends: 'first' },
  }),
  halfClosed: dice => ({
    client: { says: dice.size(500), ends: 'first' },
    server: { ...talks(dice), after: 1e9, ends: 'last' },
  }),
  clientResets: dice => ({
    client: { says: 10, ends: 'reset', resetAt: 11 + dice.below(500) },
    server: { says: 5000, ends: 'never' },
  }),
  serverResets: dice => ({
    client: { says: 5000, ends: 'never' },
    server: { says: 10, ends: 'reset', resetAt: 11 + dice.below(500) },
  }),
  refused: () => ({ client: { says: 100, ends: 'never' }, server: null }),
  noRoute: () => ({ client: { says: 100, ends: 'never' }, isRouted: false }),
  idle: () => ({ client: { ends: 'never' }, server: { ends: 'never' }, policy: { idleTimeoutMs: 200 } }),
  old: dice => ({
    client: { says: dice.size(100), ends: 'never' },
    server: { says: dice.size(100), ends: 'never' },
    policy: { maxDurationMs: 1500 },
  }),
  introduced: dice => ({
    client: { ...talks(dice), ends: 'first' },
    server: { ...talks(dice), ends: 'last' },
    policy: { proxyVersion: dice.pick([1, 2] as const) },
  }),
  behindBalancer: dice => {
    const reads = header(ANYBODY, dice.chance(0.5), 60_000)
    return { ...KINDS.clientEnds(dice), ...prefaced(dice, reads, ({ is }) => is === 'whole') }
  },
  lyingBalancer: dice => ({
    ...KINDS.clientEnds(dice),
    ...prefaced(dice, header(ANYBODY, true, 60_000), ({ is, next }) => is === 'wrong' || next === 'ends'),
  }),
  silentBalancer: dice => ({
    ...KINDS.clientEnds(dice),
    ...prefaced(dice, header(ANYBODY, true, 200), ({ next }) => next === 'stalls'),
  }),
  untrusted: dice => ({ ...KINDS.clientEnds(dice), reads: header(NOBODY, true, 60_000) }),
  trustedAsClient: dice => ({ ...KINDS.clientEnds(dice), reads: header(NOBODY, false, 60_000) }),
}

function prefaced(dice: Dice, reads: ReadsProxy, fits: (preface: Preface) => boolean): Partial<Pair> {
  for (;;) {
    const preface = drawPreface(dice, reads, ...CLAIMED)
    if (fits(preface)) return { reads, preface }
  }
}

/** Two that follow each other have a pair of each kind. */
export function drawScenario(seed: bigint): readonly Pair[] {
  const dice = new Dice(seed, 3)
  return Object.keys(KINDS).flatMap((kind, row) => {
    if (row % 2 !== Number(seed % 2n)) return []
    const plain = { client: {}, server: {}, policy: {}, isRouted: true, reads: null, preface: null }
    return { ...plain, ...KINDS[kind](dice), kind }
  })
}

export const scriptIn = (script: Partial<Script>): Script => ({ ...PLAIN, ...script })

export function planFor(
  pairs: readonly Pair[],
  places: readonly { readonly at: Place; readonly to: Place }[],
): Plan {
  const listeners = pairs.map(({ isRouted, reads }, row) =>
    listenerOn(places[row].at.port, isRouted ? row : -1, {
      bind: places[row].at.address,
      ...(reads ? { proxyProtocol: reads } : {}),
    }),
  )
  return planOf(
    listeners,
    pairs.map(({ policy }, row) => clusterOf([places[row].to], policy)),
  )
}

/** Of the records that a worker has left, those of each pair. */
export function outcomesOf(
  pairs: readonly Pair[],
  records: readonly SharedArrayBuffer[],
  seen: readonly { readonly client: Seen; readonly server: Seen | null }[],
): Outcome[] {
  const outcomes: Outcome[] = []
  const onRecord = (words: Int32Array, numbers: Float64Array, at: number): void => {
    const row = words[at + Live.listener]
    const { kind } = pairs[row]
    const reason = REASON_NAMES[words[at + Live.reason]]
    const isInOrder = reason === 'client-closed' || reason === 'upstream-closed'
    const fields = [Live.fromClient, Live.toUpstream, Live.fromUpstream, Live.toClient]
    const isClaimed = words[at + Live.peerFamily] !== 0
    outcomes[row] = {
      kind,
      reason,
      attempts: words[at + Live.attempts],
      client: counted(seen[row].client),
      server: counted(seen[row].server),
      bytes: isInOrder ? fields.map(field => numbers[(at + field) / 2]) : [],
      claimed: isClaimed ? formatAddress(4, words, at + Live.client) : '',
    }
  }
  for (const buffer of records) new RecordReader(buffer).drain(onRecord)
  return outcomes
}

/** How much was heard before a reset depends on the schedule. */
function counted<T extends Seen | null>(seen: T): T {
  return seen === null || seen.end === 'end' ? seen : { ...seen, heard: 0 }
}
