/** Traffic through a gateway that must not notice what happens to the cluster it follows. */

import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { ask } from '../control/scene.ts'

const LONG = 20
const SHORT = 4
const BEAT_MS = 20

/** Connections that stay and talk, and connections one after another. */
export class Load {
  readonly #port: number
  readonly #long: Socket[] = []
  readonly #loops: Promise<void>[] = []
  #isOver = false
  made = 0
  beats = 0
  lost: string[] = []

  static async start(port: number): Promise<Load> {
    const load = new Load(port)
    for (let index = 0; index < LONG; index++) await load.#open()
    for (let index = 0; index < SHORT; index++) load.#loops.push(load.#again())
    return load
  }

  private constructor(port: number) {
    this.#port = port
  }

  /** Resolves when all that was asked is answered. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
    for (const each of this.#long) each.destroy()
  }

  async #open(): Promise<void> {
    const socket = createConnection(this.#port, '127.0.0.1')
    await once(socket, 'connect')
    this.#long.push(socket)
    socket.on('close', () => {
      if (!this.#isOver) this.lost.push('a connection that stayed')
    })
    socket.on('error', () => {}) // which the end tells, too
    socket.on('data', () => {
      this.beats++
      setTimeout(() => socket.write('test'), BEAT_MS)
    })
    socket.write('test')
  }

  async #again(): Promise<void> {
    while (!this.#isOver) {
      this.made++
      if ((await ask(this.#port)) === '') this.lost.push('a new connection')
      await after(BEAT_MS / 4)
    }
  }
}
