/**
 * Asks for /healthz again and again from its own thread, as an impatient kubelet would, and keeps
 * the answer times. It starts at once; a message makes it report and start over.
 */

import { Agent, get } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { monotonicMs } from '../src/base/clock.ts'

const PAUSE_MS = 1
/** Answers kept at most. */
const KEPT_MAX = 1_000_000

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let takenMs: number[] = []
let ending = false

parentPort?.on('message', (order: 'report' | 'end') => {
  ending = order === 'end'
  parentPort?.postMessage(takenMs)
  takenMs = []
})

while (!ending && takenMs.length < KEPT_MAX) {
  const startedMs = monotonicMs()
  await ask(workerData.port)
  takenMs.push(monotonicMs() - startedMs)
  await pause(PAUSE_MS)
}
agent.destroy()
parentPort?.close()

function ask(port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  get({ agent, host: '127.0.0.1', port, path: '/healthz' }, response => {
    response
      .resume()
      .on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error('not healthy'))))
  }).on('error', reject)
  return promise
}
