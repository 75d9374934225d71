/**
 * Goal: in whatever way a worker ends, nothing of it stays: its clients and upstreams see a reset,
 * who waited in its queue is reset or served by others, the counts say `worker-lost`, and its
 * descriptors and its memory are given back. Method: a worker that dies under load in each way that
 * there is, beside one that lives.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { inspect } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { Supervisor } from '../../src/control/workers/supervisor.ts'
import type { SupervisorEvent } from '../../src/control/workers/worker-record.ts'
import { missing } from '../../src/kernel/libc.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { Counter, openStats, totals } from '../../src/stats/stats.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { clusterOf, ENGINES, listenerOn, planOf } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { DIES_WITH, MAPPED, WAY, WAYS } from '../support/mortal-worker.ts'
import { freePort, listen, until } from '../support/sockets.ts'

const CLIENTS = 3 * DIES_WITH
/** Sockets, rings and epolls of this process, with those of Node's own loops. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return /^(socket:|anon_inode:\[(io_uring|eventpoll)\])/.test(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      return false // the descriptor of this very look
    }
  }).length
}

type Range = readonly [from: number, bytes: number]

/** How much of these ranges is mapped now, in bytes. */
function mappedOf(ranges: readonly Range[]): number {
  const lines = readFileSync('/proc/self/maps', 'latin1').split('\n')
  const mappings = lines.map(line =>
    line
      .split(' ', 1)[0]
      .split('-')
      .map(each => Number.parseInt(each, 16)),
  )
  return ranges
    .flatMap(([from, bytes]) =>
      mappings.map(([start, end]) => Math.min(from + bytes, end) - Math.max(from, start)),
    )
    .reduce((sum, bytes) => (bytes > 0 ? sum + bytes : sum), 0)
}

/** What the worker that has died had mapped, and how much of it still is. */
function leftMapped(): { readonly had: number; readonly left: number } {
  const ranges: readonly Range[] = JSON.parse(process.env[MAPPED] ?? '[]')
  return { had: ranges.reduce((sum, [, bytes]) => sum + bytes, 0), left: mappedOf(ranges) }
}

/** Says something, again and again, once it was answered; `ended` is how its connection ended. */
type Talker = { readonly socket: Socket; answers: number; ended: string }

function talk(port: number): Talker {
  const socket = connect({ port, host: '127.0.0.1' })
  const talker: Talker = { socket, answers: 0, ended: '' }
  socket.on('connect', () => socket.write('ping'))
  socket.on('data', () => {
    talker.answers++
    setTimeout(() => socket.writable && socket.write('ping'), 20)
  })
  socket.on('end', () => {
    talker.ended ||= 'end'
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    talker.ended ||= error.code ?? 'unknown'
  })
  return talker
}

for (const { engine, test } of ENGINES)
  for (const way of WAYS) {
    test(`${engine}: a worker that ends by ${way} under load leaves nothing behind`, {
      skip: way === 'heap' && fullOnly,
    }, async t => {
      const resets: string[] = []
      const upstream = await listen(
        socket => {
          socket.on('data', data => socket.write(data))
          socket.on('end', () => socket.end())
          socket.on('error', (error: NodeJS.ErrnoException) => resets.push(error.code ?? 'unknown'))
        },
        { backlog: 4096 },
      )
      const threads: Worker[] = []
      const note = (thread: Worker) => threads.push(thread)
      process.on('worker', note)
      process.env[WAY] = way
      const port = await freePort() // its first call in a process keeps a socket
      const before = descriptors()
      const events: SupervisorEvent[] = []
      let mapped = { had: 0, left: 0 }
      const supervisor = new Supervisor({
        workers: 2,
        engine,
        limits: { maxConnections: 10_000 },
        filename: new URL('../support/mortal-worker.ts', import.meta.url).href,
        heapMb: 96,
        onEvent: event => {
          events.push(event)
          if (event.kind === 'died') mapped = leftMapped() // before its successor maps anything
        },
      })
      const talkers: Talker[] = []
      t.after(async () => {
        process.off('worker', note)
        delete process.env[WAY]
        delete process.env[MAPPED]
        for (const { socket } of talkers) socket.destroy()
        await supervisor.stop()
        await upstream[Symbol.asyncDispose]()
      })
      const { slotOf } = new Slots(createSlots(), 1, NO_COUNTS)
      supervisor.publish(1, buildTable(planOf([listenerOn(port)], [clusterOf([upstream])]), 1, slotOf))
      await until(() => supervisor.ready)
      const stats = openStats(supervisor.stats)
      const died = () => events.some(event => event.kind === 'died')

      while (talkers.length < CLIENTS && !died()) {
        const more = Array.from({ length: 20 }, () => talk(port))
        talkers.push(...more)
        await until(() => more.every(each => each.answers > 0 || each.ended !== ''))
      }
      if (way === 'terminate') {
        await until(() => stats.counters[0][Counter.open] >= DIES_WITH)
        await threads[0].terminate()
      }
      await until(died)
      const lost = () => totals(stats).closed['worker-lost']
      assert.ok(lost() >= DIES_WITH, `${lost()} lost`)
      await until(() => supervisor.ready)

      // Every client was served or got an error; those in between were in a closed queue, or in
      // none.
      const marks = talkers.map(each => each.answers)
      await until(() => talkers.every((each, index) => each.ended !== '' || each.answers > marks[index] + 1))
      const ended = talkers.filter(each => each.ended !== '')
      assert.ok(ended.length >= DIES_WITH)
      if (missing === '')
        for (const { ended: how } of ended) assert.match(how, /^(ECONNRESET|ECONNREFUSED|EPIPE)$/)
      const fresh = Array.from({ length: 100 }, () => talk(port))
      talkers.push(...fresh)
      await until(() => fresh.every(each => each.answers > 1))

      for (const { socket } of talkers) socket.end()
      await until(() => totals(stats).open === 0)
      const { accepted, closed } = totals(stats)
      assert.equal(
        accepted,
        Object.values(closed).reduce((sum, each) => sum + each, 0),
      )
      if (missing === '') assert.ok(resets.length > 0, 'upstreams see it, too')
      // Others may have mapped something there meanwhile, but not as much. `node` maps no buffers.
      if (engine !== 'node')
        assert.ok(mapped.had > 64 * 2 ** 20 && mapped.left < mapped.had / 2, inspect(mapped))
      await supervisor.stop()
      for (const { socket } of talkers) socket.destroy()
      await until(() => descriptors() <= before)
    })
  }
