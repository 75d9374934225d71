/** Servers that say their name, so that a connection tells where it was routed to. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../../src/base/clock.ts'

/** The interval of test connections. */
const LOOK_EVERY_MS = 2
const CHANGE_MS_MAX = 120_000
const ANSWER_MS_MAX = 10_000

export async function startServer(name: string): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.end(name)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** The name of the server that a new connection reaches. */
export function whoAnswers(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('data', data => resolve(String(data)))
  socket.on('error', reject).on('close', () => reject(new Error('closed without a reply')))
  socket.setTimeout(ANSWER_MS_MAX, () => reject(new Error('no reply in time')))
  return promise.finally(() => socket.destroy())
}

/** Makes a change, and waits until a new connection reaches `to`; how long that took. */
export async function untilRouted(apply: () => void, port: number, to: string): Promise<number> {
  const startedMs = monotonicMs()
  apply()
  while ((await whoAnswers(port)) !== to) {
    if (monotonicMs() - startedMs > CHANGE_MS_MAX) throw new Error('the change is not in force')
    await pause(LOOK_EVERY_MS)
  }
  return monotonicMs() - startedMs
}
