/**
 * TLS for tests: an authority with certificates for a server and a client, the terms that Plans
 * have, and the order by which workers get them.
 */

import { randomBytes } from 'node:crypto'
import type { Listener } from '../../src/table/plan/plan.ts'
import type { TlsServer, TlsUpstream } from '../../src/table/plan/tls.ts'
import type { Material, TlsSecrets } from '../../src/tls/material.ts'
import { Authority, type Issued } from './authority.ts'
import { listenerOn } from './engine.ts'

export const AUTHORITY = new Authority()
export const OTHER_AUTHORITY = new Authority('another authority')
export const SERVER_NAME = 'www.example.com'
export const SERVER = AUTHORITY.issue({ names: [SERVER_NAME, '127.0.0.1'] })
export const CLIENT_URI = 'spiffe://cluster.local/ns/shop/sa/web'
export const CLIENT = AUTHORITY.issue({ names: [CLIENT_URI], common: 'web' })

type More = { readonly authorities?: string; readonly crl?: string }

export const materialOf = (
  id: string,
  issued: readonly Issued[],
  { authorities, crl }: More = {},
): Material => ({
  id,
  pairs: issued.map(({ cert, key }) => ({ chain: Buffer.from(cert), key: Buffer.from(key), ocsp: null })),
  authorities: authorities ? Buffer.from(authorities) : null,
  crl: crl ? Buffer.from(crl) : null,
  digest: id,
})

export const secretsOf = (...material: Material[]): TlsSecrets => ({
  material,
  tickets: { current: randomBytes(80), previous: null },
})

/**
 * For both ends: a server's pair with the authority of its clients, a client's, and an authority.
 */
export const SECRETS = secretsOf(
  materialOf('server', [SERVER], { authorities: AUTHORITY.cert }),
  materialOf('client', [CLIENT]),
  materialOf('authority', [], { authorities: AUTHORITY.cert }),
)

const TERMS = { alpn: [], minVersion: 'TLSV1_2', maxVersion: 'TLSV1_3' } as const

export const serverOf = (more: Partial<TlsServer> = {}): TlsServer => ({
  name: 'Gateway test',
  material: 'server',
  clients: 'none',
  verify: null,
  ciphers: [],
  ...TERMS,
  ...more,
})

export const upstreamOf = (more: Partial<TlsUpstream> = {}): TlsUpstream => ({
  material: null,
  trust: 'authority',
  serverName: SERVER_NAME,
  names: [SERVER_NAME],
  ...TERMS,
  ...more,
})

/** A listener that terminates TLS for any name. */
export const tlsListenerOn = (port: number, tls: TlsServer, route = 0): Listener =>
  listenerOn(port, route, {
    reads: 'tls',
    scopes: [
      {
        host: '',
        port: 0,
        addresses: [],
        takes: { names: ['*'], plain: false },
        tls,
        rules: [],
        defaultRoute: route,
      },
    ],
  })
