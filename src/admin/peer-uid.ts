/** The user at the other end of a UNIX socket, as the kernel noted it at connect: SO_PEERCRED. */

import type { Socket } from 'node:net'
import { descriptorOf } from '../engine/node/descriptor.ts'
import { direct } from '../engine/node/direct.ts'

/** null: without node:ffi nobody knows. */
export function peerUid(socket: Socket): number | null {
  const fd = descriptorOf(socket)
  const uid = fd < 0 ? -1 : (direct()?.sockets.peerUid(fd) ?? -1)
  return uid < 0 ? null : uid
}

/** Whether `peerUid` can tell. */
export const knowsPeers = (): boolean => direct() !== null
