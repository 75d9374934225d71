/**
 * Goal: running out of file descriptors costs the clients that come then, and nothing else: no
 * crash, no spinning, and service again as soon as there are some. Method: a data plane in a child
 * process whose limit `ulimit -n` lowers.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ENGINES } from '../support/engine.ts'
import type { Answer, Command } from '../support/low-limit.ts'
import { begin, begun, echo, ending, freePort, listen, readAll } from '../support/sockets.ts'

const CHILD = fileURLToPath(new URL('../support/low-limit.ts', import.meta.url))
const FILES = 256

async function ask(child: ChildProcess, command: Command): Promise<Answer> {
  child.send(command)
  const [answer] = await once(child, 'message')
  return answer
}

/** Until the child uses less than half of a processor: one that spins never does. */
async function idle(child: ChildProcess): Promise<void> {
  for (let share = 1; share >= 0.5; ) {
    const before = await ask(child, { kind: 'counts' })
    const startedMs = performance.now()
    await pause(300)
    const { cpuMs } = await ask(child, { kind: 'counts' })
    share = (cpuMs - before.cpuMs) / (performance.now() - startedMs)
  }
}

/** The counts once nothing is open. */
async function settled(child: ChildProcess): Promise<Answer> {
  for (;;) {
    const answer = await ask(child, { kind: 'counts' })
    if (answer.counts?.open === 0) return answer
  }
}

/** Until no further client is accepted. */
async function stalled(child: ChildProcess): Promise<void> {
  for (let [last, now] = [-1, 0]; last !== now; ) {
    last = now
    await pause(100)
    now = Number((await ask(child, { kind: 'counts' })).counts?.accepted)
  }
}

/** By reason, how many connections have ended between two looks. */
function since(now: Answer['counts'], before: Answer['counts']): Record<string, number> {
  const entries = Object.entries(now?.closed ?? {}).map(
    ([reason, count]) => [reason, count - Number(before?.closed[reason])] as const,
  )
  return Object.fromEntries(entries.filter(([, count]) => count > 0))
}

/** prlimit(1), of util-linux. */
function lower(child: ChildProcess, files: number): void {
  const { status } = spawnSync('prlimit', ['--pid', String(child.pid), `--nofile=${files}:${FILES}`])
  assert.equal(status, 0)
}

/** Whether all its threads are: SIGSTOP takes a moment to reach each. */
const isStopped = ({ pid }: ChildProcess): boolean =>
  readdirSync(`/proc/${pid}/task`).every(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').includes(') T '),
  )

/** A new client's greeting comes back. */
async function isServed(port: number): Promise<boolean> {
  const client = begin(port)
  client.end('hello')
  return (await readAll(client).catch(() => '')) === 'hello'
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: without file descriptors new clients are turned away and counted`, async (t: TestContext) => {
    if (spawnSync('prlimit').error) return t.skip('needs Linux and prlimit')
    await using upstream = await listen(echo)
    const port = await freePort()
    const child = spawn('sh', ['-c', `ulimit -n ${FILES}; exec "$0" "$1"`, process.execPath, CHILD], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    t.after(() => child.kill('SIGKILL')) // it may be stopped
    await ask(child, { kind: 'start', engine, port, upstream: upstream.port })

    const clients = Array.from({ length: FILES }, () => begin(port))
    const endings = clients.map(ending)
    let [dials, refused] = [0, 0]
    while (dials + refused < FILES) {
      const { counts } = await ask(child, { kind: 'counts' })
      assert.ok(counts)
      assert.equal(counts.dialFailures, 0)
      dials = counts.dials
      refused = counts.closed['accept-error']
    }
    assert.ok(refused > 0 && refused < FILES)
    await idle(child)
    for (const client of clients) client.end()
    const ends = await Promise.all(endings)
    assert.equal(ends.filter(end => end === 'end').length, dials)
    assert.equal(await isServed(port), true)

    // Now not even accept(2) gets one. libuv takes such clients from the queue and closes them; the
    // other engines leave them in the queue, where they wait until there are descriptors again.
    const quiet = await settled(child)
    await ask(child, { kind: 'hog' })
    const outcomes = Promise.all(Array.from({ length: 20 }, () => isServed(port)))
    if (engine === 'node') await outcomes
    await idle(child)
    await ask(child, { kind: 'release' })
    // They are given back one by one: a client may get the only one that is there.
    const served = (await outcomes).filter(each => each).length
    const refusedOnes = since((await settled(child)).counts, quiet.counts)['accept-error'] ?? 0
    if (engine === 'node') assert.equal(served, 0)
    else assert.deepEqual([served > 0, served + refusedOnes], [true, 20])
    while (!(await isServed(port))) await pause(20)

    // One is left: the client gets it, and nothing is left to dial with.
    const before = await settled(child)
    await ask(child, { kind: 'hog' })
    await ask(child, { kind: 'release', count: 1 })
    assert.equal(await ending(begin(port)), 'ECONNRESET')
    await ask(child, { kind: 'release' })
    const { counts } = await settled(child)
    assert.deepEqual(since(counts, before.counts), { 'accept-error': 1 })

    // The limit is lowered while the gateway runs, so that either an accept or a dial is the first
    // without one: every client is served, waits, or is turned away and counted.
    for (const files of [FILES / 2, FILES / 2 + 1]) {
      const first = await settled(child)
      lower(child, files)
      await pause(150) // for the limit to be read again
      child.kill('SIGSTOP')
      while (!isStopped(child)) await pause(1) // all of them wait in the queue when it goes on
      const more = Array.from({ length: FILES }, () => begin(port))
      const ended = Promise.all(more.map(ending))
      await Promise.all(more.map(begun))
      child.kill('SIGCONT')
      await stalled(child)
      for (const client of more) client.end()
      await ended
      const { counts } = await settled(child)
      assert.equal(Number(counts?.accepted) - Number(first.counts?.accepted), FILES)
      const reasons = new Set(Object.keys(since(counts, first.counts)))
      assert.ok(reasons.isSubsetOf(new Set(['client-closed', 'accept-error'])), [...reasons].join())
    }

    // None is left as the listener is closed: the kernel resets who waits there, who is counted all
    // the same. libuv has closed them by then.
    const last = await settled(child)
    await ask(child, { kind: 'hog' })
    const waiting = Array.from({ length: 20 }, () => begin(port))
    const turnedAway = Promise.all(waiting.map(ending))
    await Promise.all(waiting.map(begun))
    const end = await ask(child, { kind: 'end' })
    await turnedAway
    if (engine !== 'node') {
      assert.equal(Number(end.counts?.accepted) - Number(last.counts?.accepted), waiting.length)
      assert.deepEqual(since(end.counts, last.counts), { 'accept-error': waiting.length })
    }
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
  })
}
