/**
 * 64 clients that ask in turn, each over a new connection or over one that it keeps, and what
 * became of each question.
 */

import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Shape, Talk } from './talks.ts'

export const CLIENTS = 64
/** A client gives a question up after this time. */
const PATIENCE_MS = 3_000
export type Asked = {
  readonly beganMs: number
  readonly tookMs: number
  /** When its connection was begun: with the question, or long before. */
  readonly openedMs: number
  /** 0: there was no answer. */
  readonly servedBy: number
}

export class Load {
  readonly asked: Asked[] = []
  readonly #talk: Talk
  readonly #port: number
  readonly #shape: Shape
  readonly #pauseMs: number
  readonly #clients: Promise<void>[]
  readonly #ending = new AbortController()

  constructor(talk: Talk, port: number, shape: Shape) {
    this.#talk = talk
    this.#port = port
    this.#shape = shape
    this.#pauseMs = talk.pauseMs[shape]
    this.#clients = Array.from({ length: CLIENTS }, () => this.#client())
  }

  async end(): Promise<void> {
    this.#ending.abort()
    await Promise.all(this.#clients)
  }

  async #client(): Promise<void> {
    await this.#pause(Math.random() * this.#pauseMs)
    let kept: Socket | null = null
    let openedMs = 0
    while (!this.#ending.signal.aborted) {
      const beganMs = performance.now()
      if (kept === null) openedMs = beganMs
      const { servedBy, socket }: Answered = await askOnce(this.#talk, this.#port, kept)
      this.asked.push({ beganMs, tookMs: performance.now() - beganMs, openedMs, servedBy })
      kept = this.#shape === 'pool' ? socket : null
      if (kept === null) socket?.destroy()
      await this.#pause(this.#pauseMs * (0.5 + Math.random()))
    }
    kept?.destroy()
  }

  /** Nobody waits for its end. */
  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#ending.signal }).catch(() => {})
  }
}

type Answered = { readonly servedBy: number; readonly socket: Socket | null }

/** Over `kept`, or a new connection. */
export function askOnce(
  { hello, isGreeted, ask, servedBy }: Talk,
  port: number,
  kept: Socket | null,
): Promise<Answered> {
  const { promise, resolve } = Promise.withResolvers<Answered>()
  const socket = kept ?? connect(port, '127.0.0.1')
  let [answer, isIn] = ['', kept !== null || hello === null]
  socket.removeAllListeners()
  const over = (by: number): void => {
    clearTimeout(timer)
    if (by === 0) socket.destroy()
    resolve({ servedBy: by, socket: by === 0 ? null : socket })
  }
  const timer = setTimeout(() => over(0), PATIENCE_MS)
  const fail = (): void => over(0)
  socket.on('error', fail).on('close', fail).on('end', fail)
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString('latin1')
    if (isIn) {
      const by = servedBy(answer)
      if (by !== 0) over(by)
    } else if (isGreeted(answer)) {
      isIn = true
      answer = ''
      socket.write(ask)
    }
  })
  socket.write(isIn ? ask : (hello ?? ask))
  return promise
}
