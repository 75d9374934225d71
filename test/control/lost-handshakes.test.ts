// Goal: a worker that dies while clients are in the middle of their TLS handshakes takes only those
// along, whatever OpenSSL has begun in its thread. Method: clients that hold the server's answer
// back until a worker of two is dead; then those of the other one finish their handshakes, and its
// successor makes new ones.

import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import type { Worker } from 'node:worker_threads'
import { Supervisor } from '../../src/control/workers/supervisor.ts'
import type { SupervisorEvent } from '../../src/control/workers/worker-record.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { openStats, totals } from '../../src/stats/stats.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { clusterOf, FLOW_ENGINES, planOf } from '../support/engine.ts'
import { DIES_WITH, WAY } from '../support/mortal-worker.ts'
import { begin, echo, freePort, listen, until } from '../support/sockets.ts'
import { AUTHORITY, SECRETS, SERVER_NAME, serverOf, tlsListenerOn } from '../support/tls.ts'

const MOST = 3 * DIES_WITH

/** Sockets, rings and epolls of this process, with those of Node's own loops. */
const descriptors = (): number =>
  readdirSync('/proc/self/fd').filter(fd => {
    try {
      return /^(socket:|anon_inode:\[(io_uring|eventpoll)\])/.test(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      return false // the descriptor of this very look
    }
  }).length

class Shaker {
  /** The server's answer has come. */
  isAnswered = false
  /** It has heard its own words back. */
  isServed = false
  isReset = false
  readonly #raw: Socket
  readonly #secured: TLSSocket
  readonly #between: Duplex
  #held: Buffer[] | null = []

  constructor(port: number) {
    this.#raw = begin(port)
    this.#between = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _, done) => void this.#raw.write(chunk, () => done()),
    })
    this.#raw.on('data', (chunk: Buffer) => {
      this.isAnswered = true
      if (this.#held) this.#held.push(chunk)
      else this.#between.push(chunk)
    })
    this.#raw.on('error', () => {
      this.isReset = true
    })
    this.#secured = connect({ socket: this.#between, servername: SERVER_NAME, ca: AUTHORITY.cert })
    this.#secured.on('error', () => {})
    this.#secured.on('data', () => {
      this.isServed = true
    })
    this.#secured.write('ping')
  }

  /** What it has held back comes. */
  goOn(): void {
    for (const chunk of this.#held ?? []) this.#between.push(chunk)
    this.#held = null
  }

  leave(): void {
    this.#secured.destroy()
    this.#raw.destroy()
  }
}

for (const { engine, test } of FLOW_ENGINES)
  for (const way of ['throw', 'terminate'])
    test(`${engine}: a worker that ends by ${way} amid handshakes takes only those along`, async t => {
      const threads: Worker[] = []
      const note = (thread: Worker) => threads.push(thread)
      process.on('worker', note)
      process.env[WAY] = way
      const port = await freePort() // its first call in a process keeps a socket
      const before = descriptors()
      const upstream = await listen(echo, { backlog: 4096 })
      const events: SupervisorEvent[] = []
      const supervisor = new Supervisor({
        workers: 2,
        engine,
        limits: { maxConnections: 10_000 },
        filename: new URL('../support/mortal-worker.ts', import.meta.url).href,
        onEvent: event => events.push(event),
      })
      const clients: Shaker[] = []
      const more = async (count: number): Promise<readonly Shaker[]> => {
        const some = Array.from({ length: count }, () => new Shaker(port))
        clients.push(...some)
        await until(() => some.every(each => each.isAnswered || each.isReset))
        return some
      }
      t.after(async () => {
        process.off('worker', note)
        delete process.env[WAY]
        for (const each of clients) each.leave()
        await supervisor.stop()
        await upstream[Symbol.asyncDispose]()
      })
      const { slotOf } = new Slots(createSlots(), 1, NO_COUNTS)
      const plan = planOf([tlsListenerOn(port, serverOf({}))], [clusterOf([upstream])])
      supervisor.publish(1, buildTable(plan, 1, slotOf), SECRETS)
      await until(() => supervisor.ready)
      const stats = openStats(supervisor.stats)
      const died = () => events.some(event => event.kind === 'died')

      if (way === 'throw') while (clients.length < MOST && !died()) await more(20)
      else {
        await more(40)
        void threads[0].terminate()
        while (!died()) await more(4) // a thread that waits for its kernel ends with its next turn
      }
      await until(died)
      await until(() => supervisor.ready)
      for (const each of clients) each.goOn()
      await until(() => clients.every(each => each.isServed || each.isReset))
      const reset = clients.filter(each => each.isReset).length
      assert.ok(reset >= (way === 'throw' ? DIES_WITH : 1), `${reset} of ${clients.length} were reset`)
      assert.ok(clients.length - reset > 0, 'the other worker serves its own')
      const { closed } = totals(stats)
      assert.ok(closed['worker-lost'] <= reset && closed['worker-lost'] > 0)
      assert.equal(closed['tls-handshake'], 0)

      const fresh = await more(40)
      for (const each of fresh) each.goOn()
      await until(() => fresh.every(each => each.isServed))
      for (const each of clients) each.leave()
      await until(() => totals(stats).open === 0)
      const { accepted, closed: ended } = totals(stats)
      assert.equal(
        accepted,
        Object.values(ended).reduce((sum, each) => sum + each, 0),
      )
      await supervisor.stop()
      await upstream[Symbol.asyncDispose]()
      await until(() => descriptors() <= before)
    })
