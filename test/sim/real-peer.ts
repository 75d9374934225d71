/** A peer of a script (peers.ts) on a real socket. */

import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createProxyHeader, INVALID, MORE } from '../../src/wire/proxy-header.ts'
import { readProxyHeader } from '../../src/wire/proxy-protocol.ts'
import { byteAt, type Script } from './peers.ts'
import type { Seen } from './scenarios.ts'
import type { Preface } from './senders.ts'

type Around = { readonly preface?: Preface | null; readonly isServer?: boolean }

/** Plays the script, and tells how the connection ended. Throws at a byte that nobody has said. */
export function playReal(
  socket: Socket,
  number: number,
  script: Script,
  { preface = null, isServer = false }: Around = {},
): Promise<Seen> {
  const { promise, resolve, reject } = Promise.withResolvers<Seen>()
  let [said, heard, heardOf] = [0, 0, 0]
  let [heardEnd, isOver] = [false, false]
  let opening: Buffer | null = isServer ? Buffer.alloc(0) : null
  let onProgress = () => {}

  const over = (end: Seen['end']): void => {
    isOver = true
    onProgress()
    resolve({ heard, end })
  }
  const reset = (): boolean => {
    const isDue = script.ends === 'reset' && said + heard >= script.resetAt
    if (!isDue || isOver) return isOver
    socket.resetAndDestroy()
    over('has reset')
    return true
  }
  const hear = (bytes: Uint8Array): void => {
    for (const byte of bytes) {
      if (heard < 4) heardOf |= byte << (8 * heard)
      else if (byte !== byteAt(heardOf, heard)) reject(new Error(`a wrong byte at ${heard}`))
      heard++
    }
    onProgress()
    reset()
  }
  const open = (bytes: Buffer): void => {
    if (opening === null) {
      hear(bytes)
      return
    }
    opening = Buffer.concat([opening, bytes])
    const length = readProxyHeader(opening, 0, opening.length, 3, createProxyHeader())
    if (length === MORE) return
    const rest = length === INVALID ? opening : opening.subarray(length)
    opening = null
    hear(rest)
  }
  const write = (bytes: Uint8Array): Promise<void> =>
    new Promise(written => socket.write(bytes, () => written()))
  const introduce = async ({ pieces, gapMs }: Preface): Promise<void> => {
    for (const piece of pieces) {
      await write(piece)
      if (gapMs > 0) await pause(1)
    }
  }
  const say = async (): Promise<void> => {
    if (preface) await introduce(preface)
    if (preface?.next === 'ends') socket.end()
    if (preface && preface.next !== 'talks') return
    while (heard < script.after && !heardEnd && !isOver) await progress()
    while (said < script.says && !isOver) {
      const bytes = Math.min(script.says - said, script.piece)
      await write(Uint8Array.from({ length: bytes }, (_, at) => byteAt(number, said + at)))
      said += bytes
      if (reset()) return
      if (script.gapMs > 0) await pause(script.gapMs)
    }
    while (script.ends === 'last' && !heardEnd && !isOver) await progress()
    if (script.ends === 'first' || script.ends === 'last') socket.end()
  }
  const progress = (): Promise<void> =>
    new Promise(made => {
      onProgress = made
    })

  socket.on('data', open)
  socket.on('end', () => {
    heardEnd = true
    onProgress()
  })
  socket.on('close', hadError => isOver || over(hadError ? 'reset' : 'end'))
  say().catch(reject)
  return promise
}
