/** The file descriptor below a Node socket: undocumented, and read here only. */

import type { Socket } from 'node:net'

/** The socket's descriptor, or −1 where Node does not tell. */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { fd?: number } | null }
  return handle?.fd ?? -1
}
