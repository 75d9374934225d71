/**
 * Ports that belong to this test or bench alone. A port that was merely free a moment ago may be
 * another process's by now, and with SO_REUSEPORT, which weir's listeners have, nobody would
 * notice: each would get some of the other's connections.
 *
 * Below those that Linux gives to clients and to port 0 (ip_local_port_range begins at 32768), in
 * blocks. Who has a block holds a socket of its name, which the kernel takes back when the process
 * ends.
 */

import { once } from 'node:events'
import { createServer } from 'node:net'

const FIRST = 10_000
const LAST = 32_000
const BLOCK = 64
const BLOCKS = Math.floor((LAST - FIRST) / BLOCK)
/** Ports of the demo, which people type, and test/newcomer.test.ts does. */
const TYPED = [15_021, 19_000]

let left: number[] = []
let turn: Promise<unknown> = Promise.resolve()

/** A port where nobody listens, and which nobody else gets; never the same twice. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = await ownPort()
    if (await isFree(host, port)) return port
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer().listen({ host, port })
  const isListening = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  if (isListening) await once(server.close(), 'close')
  return isListening
}

/** One that no other thread or process gets; whether something else listens there is not known. */
function ownPort(): Promise<number> {
  const taken = turn.then(async () => {
    if (left.length === 0) left = await block()
    return left.shift() as number
  })
  turn = taken
  return taken
}

async function block(): Promise<number[]> {
  for (let number = Math.floor(Math.random() * BLOCKS); ; number = (number + 1) % BLOCKS)
    if (await isClaimed(number))
      return Array.from({ length: BLOCK }, (_, index) => FIRST + number * BLOCK + index).filter(
        port => !TYPED.includes(port),
      )
}

/** Whether it is this thread's now. Only Linux has names that are in no folder: unix(7). */
function isClaimed(number: number): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(true)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer().unref()
  server.once('error', () => resolve(false))
  server.listen(`\0weir-ports-${number}`, () => resolve(true))
  return promise
}
