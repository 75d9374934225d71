/** Clients that begin as the ends of their connections need it. */

import type { Socket } from 'node:net'
import { connect as secure } from 'node:tls'
import { hello, hex, host, record, serverName } from '../support/hello.ts'
import { ending, open, readBytes } from '../support/sockets.ts'
import { AUTHORITY, SERVER_NAME } from '../support/tls.ts'

export const plain = async (port: number, from: string): Promise<Socket> => {
  const socket = await open(port, '127.0.0.1', { localAddress: from })
  socket.write('hello')
  return socket
}
export const talked = async (port: number, from: string): Promise<Socket> => {
  const socket = await plain(port, from)
  await readBytes(socket, 5)
  return socket
}
/** As psql begins: it asks for TLS, and goes on once it may. */
export const postgres = async (port: number, from: string): Promise<unknown> => {
  const socket = await open(port, '127.0.0.1', { localAddress: from })
  socket.write(hex('00000008 04d2162f'))
  await readBytes(socket, 1)
  socket.write(record(hello([serverName(host('a.test'))])))
  return await ending(socket)
}
export const refused = async (port: number, from: string): Promise<unknown> =>
  await ending(await plain(port, from))
export const sends =
  (bytes: string | Buffer, isHalf = false) =>
  async (port: number, from: string) => {
    const socket = await open(port, '127.0.0.1', { localAddress: from })
    if (isHalf) socket.end(bytes)
    else socket.write(bytes)
    return await ending(socket)
  }

/** A handshake, and the socket below it. */
export async function handshake(port: number, from: string, more: object = {}) {
  const raw = await open(port, '127.0.0.1', { localAddress: from })
  const above = secure({ socket: raw, servername: SERVER_NAME, ca: AUTHORITY.cert, ...more })
  above.on('error', () => {})
  return { raw, above }
}
