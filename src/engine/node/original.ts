/**
 * The destination that a connection had before it was redirected to us (iptables REDIRECT, an
 * nftables redirect).
 *
 * The kernel knows it (SO_ORIGINAL_DST), and asking takes a system call that Node does not have, so
 * this is a seam: until net/ offers the call, the answer is the socket's local address. That is the
 * listener itself, and such a connection is refused as a loop, never sent somewhere else.
 */

import type { Socket } from 'node:net'

export type Destination = { readonly address: string; readonly port: number }

/** Null where the peer is already gone. */
export function originalDestination(socket: Socket): Destination | null {
  return localDestination(socket)
}

/** The address and port that the client connected to, as this machine sees them. */
export function localDestination(socket: Socket): Destination | null {
  const { localAddress, localPort } = socket
  return localAddress === undefined || localPort === undefined
    ? null
    : { address: localAddress, port: localPort }
}
