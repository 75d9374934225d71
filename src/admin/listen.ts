/** The address of the admin listener: a TCP port, or a Unix socket that only its owner may open. */

import { lstatSync, unlinkSync } from 'node:fs'
import { type AddressInfo, connect, type Server } from 'node:net'

/**
 * `socket` is the path of a UNIX socket; if it is '', `address` ('' is every one) and `port`
 * count.
 */
export type Place = { readonly address: string; readonly port: number; readonly socket: string }

/** Listens; rejects with the kernel's error if that fails. */
export async function listen(
  server: Server,
  { address, port, socket }: Place,
  isForOthers = false,
): Promise<Place> {
  if (socket === '') {
    await open(server, { port, ...(address === '' ? {} : { host: address }) })
    const bound = server.address() as AddressInfo
    return { address: bound.address, port: bound.port, socket }
  }
  const mask = isForOthers ? 0o111 : 0o177
  try {
    await open(server, { path: socket }, mask)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !(await isLeft(socket))) throw error
    unlinkSync(socket)
    await open(server, { path: socket }, mask)
  }
  return { address, port, socket }
}

/** Stops listening; resolves once every connection has ended. */
export function close(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}

type Where = { readonly port: number; readonly host?: string } | { readonly path: string }

/**
 * A socket's file must never exist with permissions for others, so umask(2) around bind(2) instead
 * of chmod(2) after it.
 */
function open(server: Server, where: Where, mask = 0o177): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  const umask = 'path' in where ? process.umask(mask) : null
  try {
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  } finally {
    if (umask !== null) process.umask(umask)
  }
  return promise
}

/** Whether `path` is the socket of a dead process: nothing listens on it. */
function isLeft(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return Promise.resolve(false)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const caller = connect(path, () => resolve(false))
  caller.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
  return promise.finally(() => caller.destroy())
}
