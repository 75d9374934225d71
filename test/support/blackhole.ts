/**
 * An address that never answers: a listener whose queue is full and whose thread sleeps, so that
 * the kernel drops every further SYN. It works on loopback and without privileges.
 */

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { begin } from './sockets.ts'

const SLEEPER = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    setImmediate(() => {
      parentPort.postMessage(server.address().port) // it accepts nobody from here on
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })
  })`

export type Blackhole = {
  readonly address: string
  readonly port: number
  [Symbol.asyncDispose](): Promise<void>
}

export async function blackhole(): Promise<Blackhole> {
  const worker = new Worker(SLEEPER, { eval: true })
  const [port] = await once(worker, 'message')
  const fillers = await fill(port)
  return {
    address: '127.0.0.1',
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of fillers) socket.destroy()
      await worker.terminate()
    },
  }
}

/**
 * A queue of 1 holds two connections (listen(2)); with four begun, no further one fits in. The two
 * come one after the other: of several at once Linux answers some with SYN cookies, and these stand
 * for their client without a place in the queue, which is left for whoever is to find none.
 */
async function fill(port: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let place = 0; place < 2; place++) {
    const socket = begin(port)
    sockets.push(socket)
    await once(socket, 'connect')
  }
  return [...sockets, begin(port), begin(port)]
}
