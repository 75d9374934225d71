/**
 * Clients that connect and send nothing, or too little, in a process of their own, so that they
 * take no descriptor of the gateway's. It opens as many as ordered; after `finish` it reports how
 * all of them ended.
 */

import { connect } from 'node:net'

export type SilentOrder =
  | {
      readonly open: number
      readonly port: number
      /** Addresses of 127/8 that they come from: each has ports for 28 000. */
      readonly addresses: number
      /** One in so many begins a header. */
      readonly beginsEvery: number
    }
  | 'finish'

/** By the code of the error, or 'end'. */
export type SilentEnds = Readonly<Record<string, number>>

const silences: Promise<string>[] = []

process.on('message', (order: SilentOrder) => {
  if (order === 'finish') void finish()
  else for (let count = 0; count < order.open; count++) silences.push(silence(order, silences.length))
})

async function finish(): Promise<void> {
  const ends: Record<string, number> = {}
  for (const end of await Promise.all(silences)) ends[end] = (ends[end] ?? 0) + 1
  process.send?.(ends)
  process.disconnect?.()
}

/** The code of the error that it ends with, or 'end'. */
function silence(order: Exclude<SilentOrder, 'finish'>, index: number): Promise<string> {
  const { port, addresses, beginsEvery } = order
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.9.${1 + (index % addresses)}` })
  if (index % beginsEvery === 0) socket.write('PROXY TCP4')
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
  socket.on('close', () => resolve('end'))
  socket.resume()
  return promise
}
