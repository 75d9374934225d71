/**
 * The other end of the bench `admin`, on its own thread: a server, its clients, and the caller of
 * the admin listener.
 */

import { get } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { parentPort } from 'node:worker_threads'
import { clientAddress } from './config.ts'

const SIDE_BY_SIDE = 100

export type Order =
  | { readonly kind: 'serve' }
  | { readonly kind: 'hit'; readonly port: number; readonly count: number }
  | { readonly kind: 'ask'; readonly port: number; readonly path: string }

/** An echo server; returns its port. */
async function serve(): Promise<number> {
  const server = createServer(socket => socket.on('error', () => {}).pipe(socket))
  await new Promise<void>(resolve => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
  return (server.address() as AddressInfo).port
}

/** One connection per rule; returns how many were answered. */
async function hit(port: number, count: number): Promise<number> {
  let answered = 0
  const one = (index: number): Promise<void> =>
    new Promise(resolve => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: clientAddress(index) })
      socket.write('x')
      socket.on('data', () => {
        answered++
        socket.destroy()
      })
      socket.on('error', () => {}).on('close', () => resolve())
    })
  for (let first = 0; first < count; first += SIDE_BY_SIDE)
    await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, count - first) }, (_, k) => one(first + k)))
  return answered
}

/** The number of bytes of the answer. */
const ask = (port: number, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path, agent: false }, answer => {
      let bytes = 0
      answer.on('data', (data: Buffer) => {
        bytes += data.length
      })
      answer.on('end', () => (answer.statusCode === 200 ? resolve(bytes) : reject(new Error(path))))
    }).on('error', reject)
  })

parentPort?.on('message', async (order: Order) => {
  if (order.kind === 'serve') parentPort?.postMessage(await serve())
  else if (order.kind === 'hit') parentPort?.postMessage(await hit(order.port, order.count))
  else parentPort?.postMessage(await ask(order.port, order.path))
})
