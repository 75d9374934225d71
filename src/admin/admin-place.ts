/**
 * The address of an admin listener in text: 127.0.0.1:15021, or unix:/run/weir.sock.
 */

import { formatEndpoint, splitEndpoint } from '../address/address.ts'

/** `socket` is the path of a UNIX socket; '' for an address and a port. */
export type AdminPlace = { readonly address: string; readonly port: number; readonly socket: string }

const UNIX = 'unix:'

export function parseAdminPlace(text: string): AdminPlace | null {
  if (text.startsWith(UNIX) && text.length > UNIX.length)
    return { address: '', port: 0, socket: text.slice(UNIX.length) }
  const found = splitEndpoint(text.replace(/^http:\/\//, '').replace(/^localhost:/, '127.0.0.1:'))
  return found && found.port >= 0 ? { ...found, socket: '' } : null
}

export const formatAdminPlace = ({ address, port, socket }: AdminPlace): string =>
  socket === '' ? formatEndpoint(address || '*', port) : `${UNIX}${socket}`
