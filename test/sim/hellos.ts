/**
 * What clients say first where their server names decide: a ClientHello, whole or not, in records
 * and pieces that are split at random; or no TLS at all. All of it is payload, and goes on.
 */

import { hello, host, record, records, serverName, vector } from '../support/hello.ts'
import type { Dice } from './dice.ts'
import type { Script } from './peers.ts'

export const NAMES = ['a.test', 'b.test', 'deep.a.test', 'c.example'] as const

export type Opening = {
  readonly bytes: Uint8Array
  readonly is: 'whole' | 'cut' | 'large' | 'none'
  readonly name: string
  /** What it makes of the script of who says it. */
  readonly script: Partial<Script>
}

/** A ClientHello may have so many bytes (src/wire/hello-message.ts). */
const LARGE_BYTES = 17_000

const CLIENTS = ['asks', 'asks', 'asks', 'nameless', 'plain', 'plain', 'stalls', 'ends', 'large'] as const

export function drawOpening(dice: Dice): Opening {
  const client = dice.pick(CLIENTS)
  if (client === 'plain') return { bytes: new Uint8Array(0), is: 'none', name: '', script: {} }
  const name = client === 'nameless' ? '' : dice.pick(NAMES)
  const large = client === 'large' ? [vector(2, new Uint8Array(LARGE_BYTES))] : []
  const message = hello(name === '' ? [] : [serverName(host(name)), ...large.map(each => padding(each))])
  const size = client === 'large' ? 16_000 : dice.pick([7, 60, 16_000])
  const whole = new Uint8Array(size < message.length ? records(message, size) : record(message))
  const isCut = client === 'stalls' || client === 'ends'
  const bytes = isCut ? whole.subarray(0, 1 + dice.below(whole.length - 1)) : whole
  const ends = client === 'stalls' ? 'never' : 'first'
  return {
    bytes,
    name,
    is: isCut ? 'cut' : client === 'large' ? 'large' : 'whole',
    script: isCut ? { says: bytes.length, ends } : {},
  }
}

/** A whole ClientHello; its name is '' where it asks for none. */
export function drawHello(dice: Dice): { readonly bytes: Uint8Array; readonly name: string } {
  const some = dice.pick(NAMES)
  const name = dice.chance(0.3) ? '' : some
  const message = hello(name === '' ? [] : [serverName(host(name))])
  const size = dice.pick([7, 60, 16_000])
  return { bytes: new Uint8Array(size < message.length ? records(message, size) : record(message)), name }
}

/** An extension that says nothing (RFC 7685). */
const padding = (data: Uint8Array): Buffer => Buffer.concat([Buffer.from([0, 21]), data])

/**
 * How many bytes at the front of `bytes` are a ClientHello: −1 while they may be its beginning, 0
 * where they are none.
 */
export function helloBytes(bytes: Uint8Array): number {
  let [at, message, needed] = [0, 0, Number.POSITIVE_INFINITY]
  while (message < needed) {
    if (bytes.length > at && bytes[at] !== 22) return 0
    if (bytes.length > at + 1 && bytes[at + 1] !== 3) return 0
    if (bytes.length < at + 5) return -1
    const body = (bytes[at + 3] << 8) | bytes[at + 4]
    if (bytes.length < at + 5 + body) return -1
    // Records of our clients are no smaller than the head of a message.
    if (at === 0) needed = 4 + ((bytes[6] << 16) | (bytes[7] << 8) | bytes[8])
    message += body
    at += 5 + body
  }
  return at
}
