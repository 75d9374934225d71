/**
 * The destination of a connection: where the client connected to, or where it wanted to go before
 * it was redirected to us (iptables REDIRECT, an nftables redirect).
 *
 * The kernel knows the latter (SO_ORIGINAL_DST), and asking takes a system call that Node does not
 * have: kernel/ makes it where node:ffi is there. Elsewhere the answer is the listener itself, and
 * such a connection is refused as a loop, never sent somewhere else.
 */

import type { Socket } from 'node:net'
import { type Family, formatAddress } from '../../address/address.ts'
import { createSocketName } from '../../kernel/socket-address.ts'
import { descriptorOf } from './descriptor.ts'
import { direct } from './direct.ts'

type Destination = { readonly address: string; readonly port: number }

/** The address and port that the client connected to; null where it is already gone. */
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
