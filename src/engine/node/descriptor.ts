/** The file descriptor of a Node socket: undocumented, and read only here. */

import type { Server, Socket } from 'node:net'

/** The socket's descriptor; −1 if Node does not tell. */
export function descriptorOf(socket: Socket | Server): number {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } | null }
  return handle?.fd ?? -1
}
