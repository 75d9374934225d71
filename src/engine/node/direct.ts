/**
 * Direct calls on Node's sockets through node:ffi, for what node:net cannot do.
 *
 * All of it is optional; each caller documents what is lost without node:ffi.
 */

import type { Socket } from 'node:net'
import { Arena } from '../../kernel/arena.ts'
import { missing } from '../../kernel/libc.ts'
import { Poll } from '../../kernel/poll.ts'
import { Sockets } from '../../kernel/sockets.ts'
import { descriptorOf } from './descriptor.ts'

export type Direct = { readonly sockets: Sockets; readonly poll: Poll }

/** Made with the first call that needs it, one per thread. */
let made: Direct | null | undefined

/** null: node:ffi, or memory for it, is not available. */
export function direct(): Direct | null {
  if (made === undefined) made = missing === '' ? open() : null
  return made
}

/**
 * Whether closing the socket sends a reset, even if the kernel closes it after the process was
 * killed.
 */
export function resetWhenClosed(socket: Socket, isSo: boolean): void {
  const fd = descriptorOf(socket)
  if (fd >= 0) direct()?.sockets.resetWhenClosed(fd, isSo)
}

function open(): Direct | null {
  const arena = Arena.map(16_384)
  return typeof arena === 'number' ? null : { sockets: new Sockets(arena), poll: new Poll(arena) }
}
