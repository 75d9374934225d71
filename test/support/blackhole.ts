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
    parentPort.postMessage(server.address().port)
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
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

/** A queue of 1 holds two connections (listen(2)); with four begun, no further one fits in. */
async function fill(port: number): Promise<Socket[]> {
  const sockets = Array.from({ length: 4 }, () => begin(port))
  let connected = 0
  await new Promise<void>(resolve => {
    for (const socket of sockets) socket.on('connect', () => ++connected === 2 && resolve())
  })
  return sockets
}
