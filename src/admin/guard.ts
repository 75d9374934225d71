/**
 * The guard: who may request what. It protects every endpoint except the probes; endpoints need no
 * code for it.
 *
 * A web page must not use the browser of an authorized person to read or change anything here:
 *
 * - Host: a name that an attacker's DNS points at weir (DNS rebinding) gets 421. Names of this
 *   machine, IP addresses (no DNS can redirect them) and names that the operator allows are
 *   accepted.
 * - Origin and Sec-Fetch-Site: requests by another page's script, form or image get 403. A link
 *   from elsewhere to a page here works.
 *
 * Programs send neither of the last two. The address of the listener decides who can connect, and
 * authority.ts who may read and who may change something, with any method but GET and HEAD
 * (RFC 9110 §9.2.1).
 */

import type { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { type Cidr, contains, parseAddress, parseCidr } from '../address/address.ts'
import type { Caller } from './authority.ts'
import { peerUid } from './peer-uid.ts'
import { Problem } from './problem.ts'

/** On every answer: no caching, no guessing of types, no framing, no foreign scripts or styles. */
export const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/

/** A hook that refuses requests; `hosts` are the names that the operator allows. */
export function guard(hosts: readonly string[]): (request: FastifyRequest) => Promise<void> {
  const allowed = new Set(hosts.map(host => host.toLowerCase()))
  return async ({ headers, method }) => {
    const host = headers.host?.toLowerCase()
    const name = HOST.exec(host ?? '')?.[1]
    if (name === undefined || !(isOwnName(name) || allowed.has(name))) throw misdirected(headers.host)
    const { origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
      throw foreign(origin)
    const follows = method === 'GET' && mode === 'navigate'
    if (site !== undefined && site !== 'same-origin' && site !== 'none' && !follows)
      throw foreign('another page')
  }
}

/**
 * 127.0.0.0/8 (RFC 1122 §3.2.1.3) and ::1; an IPv4-mapped address counts as IPv4
 * (address/address.ts).
 */
const LOOPBACK = ['127.0.0.0/8', '::1/128'].map(text => parseCidr(text) as Cidr)

/**
 * Whether the caller is on this machine, or a proxy on it acts for the caller: `kubectl
 * port-forward`, `ssh -L`.
 *
 * Call it at accept: a closed socket has no address, and then looks like a UNIX socket.
 */
function isLocal({ remoteAddress }: Pick<Socket, 'remoteAddress'>, isUnix: boolean): boolean {
  if (isUnix) return true
  const address = parseAddress(remoteAddress ?? '')
  return address !== null && LOOPBACK.some(cidr => contains(cidr, address.family, address.words))
}

/** What its socket says of a caller; call it at accept, too. */
export function callerAt(socket: Socket, isUnix: boolean): Caller {
  const uid = isUnix ? peerUid(socket) : null
  const from = isUnix ? `the UNIX socket${uid === null ? '' : `, uid ${uid}`}` : (socket.remoteAddress ?? '')
  return { isLocal: isLocal(socket, isUnix), uid, from }
}

/** localhost, names below it (RFC 6761 §6.3), and addresses. */
const isOwnName = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  parseAddress(name.replace(/^\[(.*)\]$/, '$1')) !== null

const misdirected = (host: string | undefined): Problem =>
  new Problem(
    421,
    'unknown-host',
    host === undefined ? 'the request has no host' : `the host ${JSON.stringify(host)} is not allowed`,
    'use an IP address or localhost, or allow the name in the Settings: admin.hosts',
  )

const foreign = (origin: string): Problem =>
  new Problem(
    403,
    'foreign-origin',
    `${origin} is not an allowed origin`,
    'only pages of this listener may send requests',
  )
