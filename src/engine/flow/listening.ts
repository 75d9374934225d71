/**
 * One listening socket of a worker: how it is opened, and the table that its connections are
 * matched by.
 */

import { isDeepStrictEqual } from 'node:util'
import { parseAddress } from '../../address/address.ts'
import { Errno, errnoName } from '../../kernel/errno.ts'
import type { SocketCalls } from '../../kernel/kernel.ts'
import { createSocketName, type SocketName } from '../../kernel/socket-address.ts'
import type { Table, TableListener } from '../../table/format/table.ts'
import type { ListenFailure } from '../worker/protocol.ts'

/**
 * Connections that wait for accept, for each listener and worker; the kernel caps it at
 * net.core.somaxconn.
 */
const BACKLOG = 4096

/** The error for `::` if IPv6 is off. */
const NO_IPV6: ReadonlySet<number> = new Set([-Errno.EAFNOSUPPORT, -Errno.EADDRNOTAVAIL, -Errno.EINVAL])

const ANY = parseAddress('0.0.0.0')
const ANY_OF_BOTH = parseAddress('::')

/** A new socket has neither. */
const NOTHING: TableListener['tcp'] = { keepalive: null, userTimeoutMs: 0, writeTimeoutMs: 0 }

/** One listening socket, and what its connections are matched by. */
export type Listening = {
  readonly place: string
  /** Its number among this worker's sockets of the place; above 0 only if they are inherited. */
  readonly copy: number
  /** What another process has opened, until it is this one's `fd`; −1: nothing. */
  inherited: number
  /** Its number in user_data. */
  readonly slot: number
  /** −1 after a failure. */
  fd: number
  /** Waiting connections with options of the process that opened it; −1: not to be accepted yet. */
  foreign: number
  /** The local address of its connections if it is only one: then weir need not ask for each. */
  local: SocketName | null
  /** The newest table that has this listener, its name and row there. */
  table: Table
  socket: TableListener
  row: number
  /** What was set on the socket. */
  tuned: TableListener['tcp']
  failure: ListenFailure | null
  accepting: boolean
  retiring: boolean
  /** When to accept or to open again; Infinity: neither is due. */
  retryMs: number
}

/** Not open yet; `slot` is its number. */
export const createListening = (
  slot: number,
  place: string,
  table: Table,
  row: number,
  socket: TableListener,
  { copy = 0, inherited = -1 } = {},
): Listening => ({
  place,
  copy,
  inherited,
  slot,
  fd: -1,
  foreign: inherited >= 0 ? -1 : 0,
  local: null,
  table,
  socket,
  row,
  tuned: NOTHING,
  failure: null,
  accepting: false,
  retiring: false,
  retryMs: Number.POSITIVE_INFINITY,
})

/** Opens its socket; false if that fails, and `failure` says why. */
export function open(listening: Listening, sockets: SocketCalls): boolean {
  const { inherited } = listening
  const { key } = listening.socket
  const fd = inherited >= 0 ? sockets.inherit(inherited) : listen(listening.socket, sockets)
  listening.inherited = -1
  if (fd < 0) {
    const code = errnoName(fd)
    listening.failure = { listener: key, code, message: `listen ${code} ${key}` }
    return false
  }
  listening.fd = fd
  listening.local = onlyAddress(fd, sockets)
  listening.tuned = NOTHING
  sockets.unpace(fd)
  tune(listening, sockets)
  listening.failure = null
  return true
}

/** What is accepted from now on inherits what the newest table says of the socket. */
export function tune(listening: Listening, sockets: SocketCalls): void {
  const { tcp } = listening.socket
  if (listening.fd < 0 || isDeepStrictEqual(tcp, listening.tuned)) return
  sockets.setKeepalive(listening.fd, tcp.keepalive)
  sockets.setUserTimeout(listening.fd, tcp.userTimeoutMs)
  listening.tuned = tcp
}

/** From here on it is this process's to accept from. */
export function claim(listening: Listening, sockets: SocketCalls): void {
  listening.foreign = Math.max(0, sockets.claim(listening.fd))
}

/**
 * `fd` was accepted from it. If it has waited since before `claim`, closing it might send a reset:
 * so the node engine's listeners have it (../node/tcp-times.ts).
 */
export function makeOwn(listening: Listening, fd: number, sockets: SocketCalls): void {
  if (listening.foreign === 0) return
  listening.foreign--
  sockets.resetWhenClosed(fd, false)
}

/** Accepts what waits. */
export function* queueOf({ fd: listener }: Listening, sockets: SocketCalls): Generator<number> {
  sockets.setNonBlocking(listener)
  for (let fd = sockets.acceptWaiting(listener); fd >= 0; fd = sockets.acceptWaiting(listener)) yield fd
}

function listen({ bind, port }: TableListener, sockets: SocketCalls): number {
  const address = bind === '' ? ANY_OF_BOTH : parseAddress(bind)
  if (address === null || ANY === null) return -Errno.EINVAL
  const options = { backlog: BACKLOG, dualStack: bind === '' || bind === '::' }
  const fd = sockets.listen(address.family, address.words, port, options)
  return bind === '' && NO_IPV6.has(fd) ? sockets.listen(4, ANY.words, port, options) : fd
}

function onlyAddress(fd: number, sockets: SocketCalls): SocketName | null {
  const name = createSocketName()
  const result = sockets.localName(fd, name)
  return result < 0 || name.words.every(word => word === 0) ? null : name
}
