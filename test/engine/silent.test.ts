/**
 * Goal: clients that never speak are reset at their deadline, each counted with its reason, however
 * many they are; they keep no memory, and nobody else waits for them. Method: as many at once as
 * the limit of open files allows, from several addresses, while load balancers are served.
 */

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { parseCidr } from '../../src/address/address.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { Live } from '../../src/stats/connections.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { RecordReader, Wanted, want } from '../../src/stats/records.ts'
import { clusterOf, EVERY_ENGINE, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import type { SilentEnds, SilentOrder } from '../support/silent-clients.ts'
import { echo, freePort, listen, open, readAll } from '../support/sockets.ts'

/** Each costs the node engine several times as much; WEIR_TEST_CONNECTIONS is for a campaign. */
const totalOf = (engine: EngineKind): number =>
  Number(process.env.WEIR_TEST_CONNECTIONS ?? sized(200, engine === 'node' ? 4_000 : 20_000))
/** Of 20 000 descriptors, less those of the rest of the process. */
const AT_ONCE = sized(150, 18_000)
/**
 * Opened once those before are accepted. A connection that finds the listener's queue full stands
 * for its client alone: the kernel drops the last ACK of the handshake, and a client that says
 * nothing never learns of it (net.ipv4.tcp_abort_on_overflow).
 */
const BURST = sized(50, 1_000)
/** Long enough for many to be open at once on a machine with much else to do. */
const TIMEOUT_MS = sized(1_000, 5_000)
/** Between two that are served: the machine has other things to do. */
const BREATH_MS = 5
/** Far less than the silent ones would take if each left something behind. */
const GROWTH_MAX = 128 * 2 ** 20

const LINE = 'PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\n'

const CLIENTS = new URL('../support/silent-clients.ts', import.meta.url)

for (const { engine, test } of EVERY_ENGINE) {
  const total = totalOf(engine)
  test(`${engine}: ${total} clients that say too little are cut at their deadline, and hold up nobody`, async t => {
    await using upstream = await listen(echo)
    await using plane = new TestEngine(engine, 1, { maxConnections: AT_ONCE + 100 })
    const port = await freePort()
    const from = [parseCidr('127.0.0.0/8') ?? assert.fail()]
    const proxyProtocol = { from, require: true, versions: [1, 2] as const, timeoutMs: TIMEOUT_MS }
    await plane.adopt(planOf([listenerOn(port, 0, { proxyProtocol })], [clusterOf([upstream])]))
    const served = async (): Promise<void> => {
      const client = await open(port)
      client.end(`${LINE}hello`)
      assert.equal(await readAll(client), 'hello')
    }

    const [{ records }] = plane.journals
    want(records, Wanted.ends)
    const reader = new RecordReader(records)
    /** From accept to the end, on the worker's clock, of those that were late. */
    let [leastMs, mostMs] = [Number.POSITIVE_INFINITY, 0]
    const look = (): number =>
      reader.drain((words, numbers, at) => {
        if (words[at + Live.reason] !== Reason['proxy-timeout']) return
        const tookMs = numbers[(at + Live.endedMs) / 2] - numbers[(at + Live.acceptedMs) / 2]
        leastMs = Math.min(leastMs, tookMs)
        mostMs = Math.max(mostMs, tookMs)
      })

    const child = fork(CLIENTS, { execArgv: ['--disable-warning=ExperimentalWarning'] })
    const ended = once(child, 'message') as Promise<[SilentEnds]>
    let [asked, most, served_, afterFirst] = [0, 0, 0, 0]
    for (;;) {
      await served()
      await pause(BREATH_MS)
      served_++
      look()
      const { accepted, open } = plane.counts
      most = Math.max(most, plane.observer.live.states().reading)
      if (afterFirst === 0 && accepted > total / 4) afterFirst = process.memoryUsage.rss()
      const isBehind = accepted - served_ < asked
      if (asked === total && !isBehind) break
      if (isBehind || open > AT_ONCE - BURST) continue
      child.send({ open: BURST, port, addresses: 8, beginsEvery: 8 } satisfies SilentOrder)
      asked += BURST
    }
    child.send('finish' satisfies SilentOrder)
    const [ends] = await ended
    const grown = process.memoryUsage.rss() - afterFirst
    await plane.settled()
    look()
    const { closed, dials } = plane.counts
    t.diagnostic(
      `${most} at once, cut after ${Math.round(leastMs)} to ${Math.round(mostMs)} ms of ${TIMEOUT_MS}, ${Math.round(grown / 2 ** 20)} MiB more, ${served_} served meanwhile`,
    )
    assert.deepEqual(ends, { ECONNRESET: total })
    assert.deepEqual([closed['proxy-timeout'], closed['client-closed'], dials], [total, served_, served_])
    assert.ok(leastMs >= TIMEOUT_MS, `one was cut after ${leastMs} ms`)
    assert.ok(grown < GROWTH_MAX, `${grown} bytes more`)
    await served()
  })
}
