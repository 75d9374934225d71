/**
 * Load balancers in front of the gateway: what they say before their client does (a PROXY
 * header), in pieces that are split at random; and those that stall, lie, say nothing, or end in
 * the middle of it.
 */

import { contains } from '../../src/address/address.ts'
import type { ReadsProxy } from '../../src/table/plan/plan.ts'
import { createProxyHeader } from '../../src/wire/proxy-header.ts'
import { PROXY_WRITTEN_MAX, writeProxyHeader } from '../../src/wire/proxy-protocol.ts'
import type { Dice } from './dice.ts'
import { type Name, nameOf } from './names.ts'

export type Preface = {
  readonly pieces: readonly Uint8Array[]
  readonly gapMs: number
  /** What it does next. */
  readonly next: 'talks' | 'stalls' | 'ends'
  /** A header that the listener takes, its beginning, or none. */
  readonly is: 'whole' | 'cut' | 'wrong'
  /** Who it says its client is, and where to; null: it does not say. */
  readonly claims: { readonly client: Name; readonly destination: Name } | null
}

/** What a run's senders do; most are honest. */
const SENDERS = [
  'honest',
  'honest',
  'honest',
  'honest',
  'stalls',
  'ends',
  'lies',
  'silent',
  'wrongVersion',
] as const

export const isSender = (reads: ReadsProxy | undefined, { family, words }: Name): boolean =>
  reads?.from.some(each => contains(each, family, words)) ?? false

export function drawPreface(dice: Dice, { versions }: ReadsProxy, client: Name, destination: Name): Preface {
  const sender = dice.pick(SENDERS)
  const other = versions.includes(1) ? 2 : 1
  const isRefused = sender === 'wrongVersion' && versions.length === 1
  const version = isRefused ? other : dice.pick(versions)
  const claims = dice.chance(0.8) ? { client, destination } : null
  const header = headerOf(version, claims)
  if (sender === 'lies') header[dice.below(version === 1 ? 6 : 12)] ^= 0x20
  const isCut = sender === 'stalls' || sender === 'ends'
  const bytes = sender === 'silent' ? 0 : isCut ? dice.below(header.length) : header.length
  return {
    pieces: split(dice, header.subarray(0, bytes)),
    gapMs: dice.pick([0, 0, 3, 40]),
    next: sender === 'ends' ? 'ends' : sender === 'stalls' || sender === 'silent' ? 'stalls' : 'talks',
    is: isCut || sender === 'silent' ? 'cut' : sender === 'lies' || isRefused ? 'wrong' : 'whole',
    claims,
  }
}

function headerOf(version: 1 | 2, claims: Preface['claims']): Uint8Array {
  const header = createProxyHeader()
  if (claims !== null) {
    const { client, destination } = claims
    header.clientFamily = client.family
    header.client.set(client.words)
    header.clientPort = client.port
    header.destinationFamily = destination.family
    header.destination.set(destination.words)
    header.destinationPort = destination.port
  }
  const out = new Uint8Array(PROXY_WRITTEN_MAX)
  return out.slice(0, writeProxyHeader(out, 0, version, header))
}

function split(dice: Dice, bytes: Uint8Array): Uint8Array[] {
  const most = dice.pick([1, 7, 1000])
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = dice.between(1, most)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

/** Clients of load balancers, whose ports are nobody else's. */
export const claimedClient = (dice: Dice, family: 4 | 6, number: number): Name =>
  nameOf(
    family === 4 ? `10.0.0.${dice.below(256)}` : `fd00::${dice.below(256).toString(16)}`,
    50_000 + number,
  )
