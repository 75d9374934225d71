/**
 * Clients that connect and say nothing, or too little, as a process of their own: so that they take
 * no descriptor of the gateway's. They report how each ended.
 */

import { connect } from 'node:net'

export type Silent = {
  readonly port: number
  /** In all, and at the same time at most. */
  readonly total: number
  readonly atOnce: number
  /** Addresses of 127/8 that they come from: each has ports for 28 000. */
  readonly addresses: number
  /** One in so many begins a header. */
  readonly beginsEvery: number
}

export type Ended = {
  /** By the code of the error, or 'end'. */
  readonly ends: Readonly<Record<string, number>>
}

process.on('message', (silent: Silent) => {
  void run(silent).then(ended => {
    process.send?.(ended)
    process.disconnect?.()
  })
})

async function run({ port, total, atOnce, addresses, beginsEvery }: Silent): Promise<Ended> {
  const ends: Record<string, number> = {}
  let begun = 0
  const next = async (): Promise<void> => {
    while (begun < total) {
      const index = begun++
      const end = await silence(port, `127.0.9.${1 + (index % addresses)}`, index % beginsEvery === 0)
      ends[end] = (ends[end] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, total) }, next))
  return { ends }
}

/** The code of the error that it ends with, or 'end'. */
function silence(port: number, localAddress: string, begins: boolean): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  if (begins) socket.write('PROXY TCP4')
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
  socket.on('close', () => resolve('end'))
  socket.resume()
  return promise
}
