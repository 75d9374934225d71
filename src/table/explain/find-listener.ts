/**
 * Which listener would accept a hypothetical connection; for a real one the kernel decides, by the
 * bound sockets.
 */

import { formatEndpoint, parseAddress, parseInto } from '../../address/address.ts'
import type { Table, TableListener } from '../format/table.ts'

/**
 * The listener of `name` (a gateway, as in Question) that would accept at `destination`: its index,
 * or −1 and the reason.
 */
export function findListener(
  table: Table,
  name: string,
  destination: { readonly ip?: string; readonly port: number },
): { index: number; reason: string } {
  const gateways = [...new Set(table.sockets.map(socket => socket.gateway))]
  const gateway = resolveGateway(gateways, name)
  if (gateway === null) {
    return { index: -1, reason: `gateway ${name} listens nowhere` }
  }
  const { ip, port } = destination
  const best = acceptingAt(table, destination).find(({ socket }) => socket.gateway === gateway)
  if (best) return { index: best.index, reason: '' }
  const at = ip === undefined ? `port ${port}` : formatEndpoint(ip, port)
  return { index: -1, reason: `gateway ${gateway} does not listen on ${at}` }
}

/**
 * The sockets that a connection to `destination` may come to; if several are bound, those of the
 * same rank as the first.
 */
export function socketsAt(
  table: Table,
  destination: { readonly ip: string; readonly port: number },
): number[] {
  const accepting = acceptingAt(table, destination)
  const best = accepting.filter(({ socket }) => rank(socket) === rank(accepting[0].socket))
  return [...new Set(best.map(({ socket }) => socket.socket))]
}

/** The listeners that accept there, those that the kernel prefers first. */
function acceptingAt(
  table: Table,
  { ip, port }: { readonly ip?: string; readonly port: number },
): { readonly socket: TableListener; readonly index: number }[] {
  const accepts = ({ socket }: { socket: TableListener }) =>
    socket.original || ip === undefined || isWildcard(socket.bind, ip) || sameAddress(socket.bind, ip)
  return table.sockets
    .map((socket, index) => ({ socket, index }))
    .filter(({ socket }) => socket.original || socket.port === port)
    .filter(accepts)
    .sort((a, b) => rank(a.socket) - rank(b.socket))
}

/** The kernel prefers the socket that is bound to the address; a wildcard gets the rest. */
const rank = (socket: TableListener): number =>
  socket.original ? 2 : ['', '::', '0.0.0.0'].includes(socket.bind) ? 1 : 0

const isWildcard = (bind: string, ip: string): boolean =>
  bind === '' || bind === '::' || (bind === '0.0.0.0' && parseAddress(ip)?.family === 4)

/** The gateway that 'mesh', 'namespace/name' or a bare name means; null if there is none. */
function resolveGateway(known: readonly string[], name: string): string | null {
  if (known.includes(name)) return name
  if (name.includes('/')) return null
  if (known.includes(`default/${name}`)) return `default/${name}`
  return known.find(each => each.endsWith(`/${name}`)) ?? null
}

function sameAddress(a: string, b: string): boolean {
  const words = new Uint32Array(8)
  const family = parseInto(a, words, 0)
  return family === parseInto(b, words, 4) && [0, 1, 2, 3].every(word => words[word] === words[word + 4])
}
