/**
 * Certificates and ticket keys of a run, which are renewed while it goes on, and what has to hold
 * of clients then: told from what they have seen of the server.
 *
 *   renewed   the server's certificate is one that was in force since the client connected
 *   resumed   its ticket's key was in force then, and is taken by every worker
 */

import { TICKET_KEY_BYTES, type TlsSecrets } from '../../src/tls/material.ts'
import type { Dice } from './dice.ts'
import type { Shows } from './session.ts'

/** A ticket, as a client keeps it: under which key, and what it has shown for it. */
export type Ticket = { readonly key: number; readonly shows: Shows }

/** What a server of the gateway has, by then. */
export type Serving = {
  /** Of its certificate. */
  readonly version: number
  readonly key: number
  /** Under which tickets are taken, `key` too. */
  readonly keys: ReadonlySet<number>
}

/** What a client knows of its handshake. */
export type Shaken = {
  /** Of the certificate that it was shown; 0: it has seen none. */
  readonly peerVersion: number
  readonly offered: Ticket | null
  readonly hasResumed: boolean
}

type InForce = { readonly serving: Serving; readonly secrets: TlsSecrets; readonly sinceMs: number }

const keyOf = (number: number): Uint8Array => new Uint8Array(TICKET_KEY_BYTES).fill(number)

function secretsOf(version: number, current: number, previous: number): TlsSecrets {
  const material = (id: string, digest: string) => ({ id, pairs: [], authorities: null, crl: null, digest })
  return {
    material: [material('server', `${version}`), material('authority', 'authority')],
    tickets: { current: keyOf(current), previous: previous === 0 ? null : keyOf(previous) },
  }
}

/** As a worker has them from the main thread. */
export function servingBy({ material, tickets }: TlsSecrets): Serving {
  const server = material.find(({ id }) => id === 'server')
  const [key] = tickets.current
  return { version: Number(server?.digest), key, keys: new Set([key, ...(tickets.previous ?? [])]) }
}

export class Credentials {
  readonly #all: InForce[] = []

  constructor() {
    this.#renew(1, 1, 0, 0)
  }

  /** How many there have been. */
  get count(): number {
    return this.#all.length
  }

  get secrets(): TlsSecrets {
    return (this.#all.at(-1) as InForce).secrets
  }

  /** Another certificate, or another authority: then no ticket of before is taken. */
  rotate(dice: Dice, nowMs: number): void {
    const { version, key } = (this.#all.at(-1) as InForce).serving
    this.#renew(version + 1, key + 1, dice.chance(0.5) ? key : 0, nowMs)
  }

  #renew(version: number, current: number, previous: number, sinceMs: number): void {
    const secrets = secretsOf(version, current, previous)
    this.#all.push({ serving: servingBy(secrets), secrets, sinceMs })
  }

  /**
   * '', or what is wrong with a client's handshake.
   *
   * @param from  How many there were when it connected.
   * @param asks  Whether its server asks for a certificate.
   */
  wrong({ peerVersion, offered, hasResumed }: Shaken, from: number, untilMs: number, asks: boolean): string {
    const since = this.#all.slice(from - 1).map(each => each.serving)
    if (peerVersion === 0) return ''
    if (peerVersion < since[0].version)
      return `it was shown certificate ${peerVersion}, when ${since[0].version} was there`
    if (offered === null) return ''
    const { key, shows } = offered
    if (hasResumed && !since.some(({ keys }) => keys.has(key))) return `its ticket's key ${key} was gone`
    if (hasResumed && asks && shows !== 'right') return 'its ticket is that of a client without a certificate'
    const until = this.#all.slice(from - 1).filter(each => each.sinceMs <= untilMs)
    const mustResume = until.every(({ serving }) => serving.keys.has(key)) && (!asks || shows === 'right')
    return mustResume && !hasResumed ? `its ticket's key ${key} was in force` : ''
  }
}
