/**
 * Idle connections: each sends one request, so that both sides of the proxy exist and are warm, and
 * then waits. By node:net or node:tls, since nothing here is timed.
 */

import { connect, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { MESSAGE_BYTES, writeMessage } from './message.ts'

/** Opened at a time. */
const OPENING = 100
const ANSWER_MS_MAX = 10_000

/** Opens a connection to a port of 127.0.0.1. */
export type Connect = (port: number) => Socket

const plainly: Connect = port => connect({ port, host: '127.0.0.1', noDelay: true })

/** Opens `count` connections to `port` of 127.0.0.1; they are reset with the scope. */
export async function holdIdle(port: number, count: number, connectTo = plainly): Promise<AsyncDisposable> {
  const sockets: Socket[] = []
  try {
    while (sockets.length < count) {
      const some = Array.from({ length: Math.min(OPENING, count - sockets.length) }, (_, index) =>
        askOnce(port, sockets.length + index, connectTo),
      )
      for (const result of await Promise.allSettled(some)) {
        if (result.status === 'rejected') throw result.reason
        sockets.push(result.value)
      }
    }
  } catch (error) {
    await closeAll(sockets)
    throw error
  }
  return { [Symbol.asyncDispose]: () => closeAll(sockets) }
}

/** A connection whose first request got a correct reply. */
export async function askOnce(port: number, client: number, connectTo = plainly): Promise<Socket> {
  const request = new Uint32Array(MESSAGE_BYTES / 4)
  writeMessage(request, 0, { client, sequence: 1, mebibytes: 0, closes: false })
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connectTo(port)
  const expected = Buffer.from(request.buffer)
  let received = Buffer.alloc(0)
  const onData = (data: Buffer): void => {
    received = Buffer.concat([received, data])
    if (received.length < MESSAGE_BYTES) return
    if (received.equals(expected)) resolve(socket)
    else reject(new Error('a wrong reply'))
  }
  socket.on('error', reject).on('data', onData)
  socket.on('close', () => reject(new Error('closed without a reply')))
  socket.setTimeout(ANSWER_MS_MAX, () => reject(new Error('no reply in time')))
  socket.write(expected)
  try {
    await promise
    socket.setTimeout(0)
    socket.off('data', onData)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Resets it; node:tls can only close. */
export function drop(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map(socket => {
      const { promise, resolve } = Promise.withResolvers<void>()
      socket.on('close', () => resolve())
      if (socket.closed) resolve()
      else drop(socket)
      return promise
    }),
  )
}
