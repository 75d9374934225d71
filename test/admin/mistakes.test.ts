/**
 * A campaign of mistakes under load: what operators do to files, and what it costs the connections
 * of a gateway.
 *
 * Clients connect continuously while each mistake is made, seen and fixed; a few connections stay
 * open throughout. Goal: none is lost if the guard applies. One mistake that no guard can detect is
 * among them, to show that the load would notice.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, openSync, renameSync, writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { age, ask, moveIn, moveOut } from '../control/scene.ts'
import { sized } from '../support/full.ts'
import { guarded, type Parts } from '../support/guarded.ts'
import { freePort } from '../support/sockets.ts'
import { scene, talking } from './scene.ts'

const CLIENTS = ['127.0.10.1', '127.0.20.1', '127.0.30.1']
/** New connections of each client after the outcome of a mistake is known. */
const AFTERWARDS = sized(5, 20)
/** A connection that is open and does not answer for so long is lost. */
const ANSWER_MS_MAX = 60_000
/** Between two connections of a client: the machine has other things to do. */
const BREATH_MS = 5
/** Between two parts of a file that is written slowly. */
const PART_MS = 300

/** Connects over and over. */
class Load {
  served = 0
  lost = 0
  readonly #port: number
  readonly #open: readonly Socket[]
  #stopped = false
  readonly #loops: readonly Promise<void>[]

  constructor(port: number, open: readonly Socket[]) {
    this.#port = port
    this.#open = open
    this.#loops = CLIENTS.map(client => this.#loop(client))
  }

  async #loop(client: string): Promise<void> {
    while (!this.#stopped) {
      await this.#connect(client)
      await pause(BREATH_MS)
    }
  }

  async #connect(client: string): Promise<void> {
    if ((await ask(this.#port, '127.0.0.1', client)) === 'hello test') this.served++
    else this.lost++
  }

  /** Waits for more connections, and asks those that are open. */
  async more(): Promise<void> {
    const until = this.served + this.lost + AFTERWARDS * CLIENTS.length
    while (this.served + this.lost < until) await pause(5)
    for (const socket of this.#open) {
      socket.write('still\n')
      await once(socket, 'data', { signal: AbortSignal.timeout(ANSWER_MS_MAX) }).catch(() => this.lost++)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }
}

type Files = {
  readonly parts: Parts
  write(name: string, text: string): void
  /** Writes in parts of a third, with pauses. */
  slowly(name: string, text: string): Promise<void>
  remove(name: string): void
  rename(from: string, to: string): void
}
type Mistake = {
  readonly what: string
  readonly make: (files: Files) => unknown
  /** The expected outcome. */
  readonly outcome: 'guarded' | 'refused' | 'emptied' | 'unchanged' | 'taken'
  readonly mend?: (files: Files) => void
}

const misspell = (name: string, from: string | RegExp, to: string) => (files: Files) =>
  files.write(name, files.parts[name].replace(from, to))

const MISTAKES: readonly Mistake[] = [
  { what: 'a file is deleted', make: files => files.remove('subsets.yaml'), outcome: 'guarded' },
  {
    what: 'a file is renamed to keep a copy',
    make: files => files.rename('subsets.yaml', 'subsets.yaml.bak'),
    outcome: 'guarded',
    mend: files => files.remove('subsets.yaml.bak'),
  },
  {
    what: 'a subset is misspelt',
    make: misspell('subsets.yaml', 'name: v1', 'name: v-1'),
    outcome: 'guarded',
  },
  {
    what: 'a host is misspelt',
    make: misspell('routes.yaml', 'shop.example', 'shpo.example'),
    outcome: 'guarded',
  },
  { what: 'the service is deleted', make: files => files.remove('service.yaml'), outcome: 'guarded' },
  {
    what: 'a label is misspelt, and a subset selects nothing',
    make: misspell('service.yaml', 'version: v1', 'version: v_1'),
    outcome: 'guarded',
  },
  {
    what: 'all rules are deleted, as in a wrong folder',
    make: files => files.remove('routes.yaml'),
    outcome: 'guarded',
  },
  { what: 'a field is misspelt', make: misspell('routes.yaml', 'weight', 'wieght'), outcome: 'refused' },
  { what: 'a file is emptied', make: files => files.write('subsets.yaml', ''), outcome: 'emptied' },
  {
    what: 'a weight is set to 0',
    make: misspell('routes.yaml', /weight: 50\n$/, 'weight: 0\n'),
    outcome: 'taken',
  },
  {
    what: 'a file is written in parts',
    make: files => files.slowly('subsets.yaml', files.parts['subsets.yaml']),
    outcome: 'unchanged',
  },
  {
    what: 'rules are written in parts',
    make: files => files.slowly('routes.yaml', files.parts['routes.yaml']),
    outcome: 'unchanged',
  },
]

test('mistakes cost a message, not a connection', async t => {
  let parts: Parts = {}
  const running = await scene(t, (port, backend) => {
    parts = guarded(port, backend, 'strict')
    return Object.values(parts).join('---')
  })
  const { root, port, send, reload, records } = running
  const place = (name: string) => join(root, name)
  const files: Files = {
    parts,
    write: (name, text) => moveIn(root, name, text),
    slowly: async (name, text) => {
      const third = Math.ceil(text.length / 3)
      const fd = openSync(place(name), 'w')
      for (let at = 0; at < text.length; at += third) {
        writeSync(fd, text.slice(at, at + third))
        await pause(PART_MS)
      }
      closeSync(fd)
    },
    remove: name => moveOut(root, name),
    rename: (from, to) => {
      renameSync(place(from), place(to))
      age(root)
    },
  }
  const look = async (): Promise<string> => (await send('POST /reload', {})).body.outcome
  const restore = (): void => {
    for (const [name, text] of Object.entries(parts)) moveIn(root, name, text)
  }
  restore()
  moveOut(root, 'a.yaml')
  assert.equal((await reload()).outcome, 'taken')

  const open = await Promise.all(CLIENTS.map(client => talking(t, port, client)))
  const load = new Load(port, open)
  t.after(() => load.stop())
  for (const { what, make, outcome, mend: also } of MISTAKES) {
    const [servedBefore, lostBefore, saidBefore] = [load.served, load.lost, records.length]
    await make(files)
    assert.equal(outcome === 'unchanged' ? await look() : (await reload()).outcome, outcome, what)
    await load.more()
    also?.(files)
    restore()
    await look()
    await load.more()
    const said = records.slice(saidBefore).filter(each => each.level === 'error' || each.level === 'warn')
    t.diagnostic(`${what}: ${outcome}, ${load.served - servedBefore} served, ${load.lost - lostBefore} lost`)
    assert.equal(load.lost - lostBefore, 0, what)
    if (outcome !== 'unchanged' && outcome !== 'taken') assert.ok(said.length > 0, what)
  }

  // No guard can know that nobody listens there: the load notices.
  files.write(
    'service.yaml',
    parts['service.yaml'].replace(/targetPort: \d+/, `targetPort: ${await freePort()}`),
  )
  assert.equal((await reload()).outcome, 'taken')
  await load.more()
  assert.ok(load.lost >= AFTERWARDS, `${load.lost} lost`)
  await load.stop()
  assert.ok(load.served > MISTAKES.length * AFTERWARDS)
})
