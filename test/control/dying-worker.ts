/**
 * A worker for the supervisor's tests: it listens for every table, but dies of generation 13. It
 * names the certificates that it got as listeners that failed.
 */

import type { Order, WorkerTask } from '../../src/engine/worker/protocol.ts'
import { Counter, openStats } from '../../src/stats/stats.ts'
import type { TlsSecrets } from '../../src/tls/material.ts'

const UNLUCKY = 13

export default function dyingWorker({ port, index, stats }: WorkerTask): Promise<void> {
  const counters = openStats(stats).counters[index]
  const { promise, resolve } = Promise.withResolvers<void>()
  const told = (generation: number, { material }: TlsSecrets): void => {
    const failures = material.map(({ id, digest }) => ({ listener: id, code: digest, message: '' }))
    port.postMessage({ kind: 'listening', generation, failures })
  }
  port.on('message', (order: Order) => {
    if (order.kind === 'secrets') told(0, order.secrets)
    else if (order.kind === 'table' && order.secrets) told(order.generation, order.secrets)
    else if (order.kind === 'table') {
      if (order.generation === UNLUCKY && index === 0 && counters[Counter.accepted] < 2) {
        counters[Counter.accepted]++
        counters[Counter.open] = 7
        throw new Error('unlucky')
      }
      const failures = order.generation === 2 ? [{ listener: 'x', code: 'EADDRINUSE', message: 'taken' }] : []
      port.postMessage({ kind: 'listening', generation: order.generation, failures })
    } else if (order.kind === 'stop' || (order.kind === 'drain' && order.timeoutMs > 0)) {
      port.postMessage({ kind: 'drained', closed: 1, reset: 2 })
      resolve()
    }
  })
  return promise
}
