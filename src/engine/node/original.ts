/**
 * The destination of a connection: the address that the client connected to, or the one before a
 * redirect to weir (iptables REDIRECT, an nftables redirect).
 *
 * The kernel knows the latter (SO_ORIGINAL_DST), but Node lacks the system call: kernel/ makes it
 * if there is node:ffi. Otherwise the answer is the listener itself, and weir refuses such a
 * connection as a loop.
 */

import type { Socket } from 'node:net'
import { type Family, formatAddress } from '../../address/address.ts'
import { createSocketName } from '../../kernel/socket-address.ts'
import { descriptorOf } from './descriptor.ts'
import { direct } from './direct.ts'

type Destination = { readonly address: string; readonly port: number }

/** The address and port that the client connected to; null if it is already gone. */
export function localDestination(socket: Socket): Destination | null {
  const { localAddress, localPort } = socket
  return localAddress === undefined || localPort === undefined
    ? null
    : { address: localAddress, port: localPort }
}

/** The same, before a redirect. */
export function originalDestination(socket: Socket): Destination | null {
  const asked = askKernel(descriptorOf(socket))
  return asked ?? localDestination(socket)
}

const name = createSocketName()

function askKernel(fd: number): Destination | null {
  const sockets = fd < 0 ? undefined : direct()?.sockets
  if (sockets === undefined || sockets.localName(fd, name) < 0) return null
  if (sockets.originalDestination(fd, name) < 0) return null
  return { address: formatAddress(name.family as Family, name.words), port: name.port }
}
