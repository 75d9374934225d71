/** The address of the admin listener: a TCP port, or a Unix socket that only its owner may open. */

import { chmodSync, linkSync, lstatSync, unlinkSync } from 'node:fs'
import { type AddressInfo, connect, type Server } from 'node:net'

/**
 * `socket` is the path of a UNIX socket; if it is '', `address` ('' is every one) and `port`
 * count.
 */
export type Place = { readonly address: string; readonly port: number; readonly socket: string }

type Listened = {
  readonly where: Place
  /** Removes the socket's file, if it is still this listener's. */
  readonly remove: () => void
}

type ListenOptions = {
  /** Whether other users may open a UNIX socket. */
  readonly isForOthers?: boolean | undefined
  /** A descriptor that another process has opened there. */
  readonly inherited?: number | undefined
}

/** Listens; rejects with the kernel's error if that fails. */
export async function listen(
  server: Server,
  { address, port, socket }: Place,
  { isForOthers = false, inherited }: ListenOptions = {},
): Promise<Listened> {
  if (socket !== '') {
    const mode = isForOthers ? 0o666 : 0o600
    if (inherited === undefined) await openFile(server, socket, mode)
    else await open(server, { fd: inherited })
    if (inherited !== undefined) chmodSync(socket, mode)
    const own = inodeOf(socket)
    const remove = () => {
      if (own !== null && inodeOf(socket) === own) unlinkSync(socket)
    }
    return { where: { address, port, socket }, remove }
  }
  const where =
    inherited === undefined ? { port, ...(address !== '' && { host: address }) } : { fd: inherited }
  await open(server, where)
  const bound = server.address() as AddressInfo
  return { where: { address: bound.address, port: bound.port, socket }, remove: () => {} }
}

/**
 * Opens a UNIX socket beside its place, and links it there. Node removes the file that it has bound
 * as it closes the socket, whoever listens there by then; so it knows only the other name.
 */
async function openFile(server: Server, path: string, mode: number): Promise<void> {
  const aside = `${path}.${process.pid}`
  await open(server, { path: aside }, 0o777 & ~mode)
  try {
    await link(aside, path)
  } catch (error) {
    await close(server)
    throw error
  } finally {
    unlinkIf(aside)
  }
}

/** A second name for a socket; what a dead process has left there gives way. */
async function link(from: string, to: string): Promise<void> {
  try {
    linkSync(from, to)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw error
    if (!(await isLeft(to))) throw Object.assign(new Error(`listen EADDRINUSE ${to}`), { code: 'EADDRINUSE' })
    unlinkSync(to)
    linkSync(from, to)
  }
}

/** Stops listening; resolves once every connection has ended. */
export function close(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}

type Where =
  | { readonly port: number; readonly host?: string }
  | { readonly path: string }
  | { readonly fd: number }

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

const inodeOf = (path: string): number | null => lstatSync(path, { throwIfNoEntry: false })?.ino ?? null

function unlinkIf(path: string): void {
  if (inodeOf(path) !== null) unlinkSync(path)
}
