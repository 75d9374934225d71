/** The contexts of node:tls, by what the table asks for: made when first needed. */

import { createSecureContext, getCACertificates, type SecureContext, type SecureVersion } from 'node:tls'
import type { TlsServer, TlsUpstream, TlsVersion } from '../../table/plan/tls.ts'
import { contextId, ticketKeysOf } from '../../tls/context-id.ts'
import type { Material, TlsSecrets } from '../../tls/material.ts'
import { sealTickets, TICKET_KEY_BYTES } from './tickets.ts'
import type { Served } from './tls-end.ts'

const VERSIONS: Readonly<Record<TlsVersion, SecureVersion>> = {
  TLSV1_0: 'TLSv1',
  TLSV1_1: 'TLSv1.1',
  TLSV1_2: 'TLSv1.2',
  TLSV1_3: 'TLSv1.3',
}

export class TlsContexts {
  #secrets: TlsSecrets | null = null
  readonly #contexts = new Map<string, Served | null>()

  /** From now on new connections are served with these. */
  furnish(secrets: TlsSecrets): void {
    this.#secrets = secrets
    this.#contexts.clear()
  }

  /** null: there is no certificate to serve with. */
  ofServer(server: TlsServer): Served | null {
    return this.#context(server, () => {
      const material = this.#materialOf(server.material)
      if (material === null || material.pairs.length === 0 || this.#secrets === null) return null
      const id = contextId(server, material)
      const context = createSecureContext({
        ...termsOf(server),
        ...pairsOf(material),
        ...trustOf(material),
        ciphers: server.ciphers.length > 0 ? server.ciphers.join(':') : undefined,
        honorCipherOrder: true,
        sessionIdContext: id.toString('hex', 0, 16),
      })
      sealTickets(context, ticketKeysOf(this.#secrets.tickets, id, TICKET_KEY_BYTES))
      return { context, staple: stapleOf(material) }
    })
  }

  /** null: its certificate, or its authority, is not there. */
  ofUpstream(upstream: TlsUpstream): SecureContext | null {
    const served = this.#context(upstream, () => {
      const { material, trust } = upstream
      const own = material === null ? null : this.#materialOf(material)
      const isOwn = trust !== 'system' && trust !== 'none'
      const trusted = isOwn ? this.#materialOf(trust) : null
      if ((material !== null && own === null) || (isOwn && trusted === null)) return null
      const system = trust === 'system' ? { ca: getCACertificates('system') } : {}
      const context = createSecureContext({
        ...termsOf(upstream),
        ...(own && pairsOf(own)),
        ...(trusted ? trustOf(trusted) : system),
      })
      return { context, staple: null }
    })
    return served?.context ?? null
  }

  #materialOf(id: string): Material | null {
    return this.#secrets?.material.find(each => each.id === id) ?? null
  }

  #context(asked: object, make: () => Served | null): Served | null {
    const words = JSON.stringify(asked)
    let context = this.#contexts.get(words)
    if (context === undefined) {
      context = made(make)
      this.#contexts.set(words, context)
    }
    return context
  }
}

/** What OpenSSL does not take is not served with. */
function made(make: () => Served | null): Served | null {
  try {
    return make()
  } catch {
    return null
  }
}

/**
 * null where there are several certificates: node:tls does not tell which of them a client gets,
 * and whoever gets the answer for another one breaks off.
 */
const stapleOf = ({ pairs }: Material): Uint8Array | null => (pairs.length === 1 ? pairs[0].ocsp : null)

type Terms = { readonly minVersion: TlsVersion; readonly maxVersion: TlsVersion }

const termsOf = ({ minVersion, maxVersion }: Terms) => ({
  minVersion: VERSIONS[minVersion],
  maxVersion: VERSIONS[maxVersion],
})

const pairsOf = ({ pairs }: Material) => ({
  cert: pairs.map(({ chain }) => Buffer.from(chain)),
  key: pairs.map(({ key }) => Buffer.from(key)),
})

const trustOf = ({ authorities, crl }: Material) => ({
  ca: authorities ? Buffer.from(authorities) : [],
  ...(crl && { crl: Buffer.from(crl) }),
})
