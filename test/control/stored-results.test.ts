/**
 * Goal: a start that finds the same files as an earlier process has what that one compiled, and all
 * that follows is as after a fresh start; and nothing else ever counts as the same.
 * Method: several instances of the compiling thread's module, each with a memory of its own, as in
 * several processes.
 */

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { hash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type runTask from '../../src/control/compile/compile-task.ts'
import type { Compiled, CompileTask } from '../../src/control/compile/compiled.ts'
import { createSlots } from '../../src/stats/counter-slots.ts'
import { renumbered } from '../../src/table/build/renumber.ts'

const EXAMPLES = fileURLToPath(new URL('../../config/examples/', import.meta.url))
const MODULE = new URL('../../src/control/compile/compile-task.ts', import.meta.url)

let instances = 0

/** A process that compiles what is in a folder. */
class Process {
  readonly slots = {
    slots: createSlots(),
    policySlots: createSlots(),
    stickySlots: createSlots(),
    stats: null,
  }
  readonly #run: Promise<typeof runTask>
  readonly #cache: string | null
  readonly #folder: string
  readonly #names: ReadonlyMap<string, readonly string[]>
  #generation = 0
  #served: CompileTask['served'] = null

  constructor({ folder, cache }: Place, names = new Map<string, string[]>()) {
    this.#folder = folder
    this.#cache = cache
    this.#names = names
    this.#run = import(`${MODULE}?${instances++}`).then(module => module.default)
  }

  async compile(): Promise<Compiled> {
    const run = await this.#run
    const task = {
      cache: this.#cache,
      sources: { paths: [this.#folder] },
      objects: null,
      around: { names: this.#names },
      generation: ++this.#generation,
      previous: '',
      served: this.#served,
      ...this.slots,
    }
    const compiled = (await run(task, 0)) as Compiled
    if (compiled.table) this.#served = { checksum: compiled.checksum, table: compiled.table, closing: [] }
    await run('collect', 0)
    return compiled
  }
}

type Place = { readonly folder: string; readonly cache: string | null }

/** A copy of an example, and a place for what is stored. */
function place(t: TestContext, example: string): Place & { readonly cache: string } {
  const root = mkdtempSync(join(tmpdir(), 'weir-results-'))
  t.after(() => rmSync(root, { recursive: true }))
  const [folder, cache] = [join(root, 'config'), join(root, 'cache')]
  cpSync(join(EXAMPLES, example), folder, { recursive: true })
  mkdirSync(cache)
  return { folder, cache }
}

const isStored = ({ stages }: Compiled): boolean => stages.plan === 0 && stages.build === 0

const digestOf = (buffer: SharedArrayBuffer): string => hash('sha1', new Uint8Array(buffer).slice())

/** All but the times; of buffers their digests, which a failure can show. */
function seen({ stages: _, restedMs: __, table, ...compiled }: Compiled) {
  const { routing, endpoints, clients } = table ?? {}
  return { ...compiled, table: [routing, endpoints, clients].map(part => part && digestOf(part)) }
}

const slotsOf = ({ slots: { slots, policySlots, stickySlots } }: Process): string[] =>
  [slots, policySlots, stickySlots].map(digestOf)

const fileOf = ({ cache }: Place & { readonly cache: string }): string =>
  join(cache, readdirSync(cache).find(name => name.endsWith('.compiled')) ?? 'none')

/** Another rule, an endpoint more, and a resource less: what a reload would tell and refuse. */
function edit({ folder }: Place): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name)
    const text = readFileSync(file, 'utf8')
    if (/^kind: VirtualService$/m.test(text))
      writeFileSync(file, text.replace(/weight: 90|weight: 80/, 'weight: 70'))
    if (/^kind: ServiceEntry$/m.test(text)) writeFileSync(file, `${text}    # edited\n`)
  }
  writeFileSync(
    join(folder, 'zz.yaml'),
    `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: zz}
spec: {hosts: [zz.com], ports: [{number: 80, name: t}], resolution: STATIC, endpoints: [{address: 127.0.0.1}]}
`,
  )
}

for (const example of readdirSync(EXAMPLES)) {
  test(`${example}: a start has what an earlier process compiled, and so have its reloads`, async t => {
    const here = place(t, example)
    const [first, next] = [new Process(here), new Process(here)]
    const fresh = await first.compile()
    ok(fresh.table && !isStored(fresh))
    const again = await next.compile()
    equal(isStored(again), fresh.credentials.length === 0)
    deepEqual(seen(again), seen(fresh))
    deepEqual(slotsOf(next), slotsOf(first))

    edit(here)
    const changed = [await first.compile(), await next.compile()]
    notEqual(changed[0].checksum, fresh.checksum)
    deepEqual(seen(changed[1]), seen(changed[0]))
    deepEqual(slotsOf(next), slotsOf(first))
  })
}

test('what a reload compiled is the first generation of the next start', async t => {
  const here = place(t, 'weighted-subsets')
  const first = new Process(here)
  await first.compile()
  edit(here)
  const { table } = await first.compile()
  ok(table)
  const next = await new Process(here).compile()
  ok(isStored(next))
  const fresh = await new Process({ ...here, cache: null }).compile()
  deepEqual({ ...seen(next), table: null }, { ...seen(fresh), table: null })
  // Its slots are those of the reload, where a fresh start would count anew.
  deepEqual(seen(next).table, seen({ ...fresh, table: renumbered(table, 1) }).table)
})

test('other files, other names, and slots that are taken are compiled', async t => {
  const here = place(t, 'weighted-subsets')
  await new Process(here).compile()
  ok(isStored(await new Process(here).compile()))
  const busy = new Process(here)
  const other = new Process(place(t, 'port'))
  await other.compile()
  new Uint8Array(busy.slots.slots).set(new Uint8Array(other.slots.slots))
  ok(!isStored(await busy.compile()))
  ok(!isStored(await new Process(here, new Map([['db.com', ['127.0.0.1']]])).compile()))
  await new Process(here).compile()
  writeFileSync(join(here.folder, 'zz.yaml'), '# nothing')
  ok(!isStored(await new Process(here).compile()))
  ok(isStored(await new Process(here).compile()))
})

test('a file that others can read, or that was damaged, does not count', async t => {
  const here = place(t, 'weighted-subsets')
  await new Process(here).compile()
  const file = fileOf(here)
  equal(statSync(file).mode & 0o777, 0o600)
  chmodSync(file, 0o640)
  ok(!isStored(await new Process(here).compile()))
  for (const at of [0, 40, 0.5, 0.99]) {
    ok(isStored(await new Process(here).compile()))
    const bytes = readFileSync(fileOf(here))
    bytes[at < 1 ? Math.floor(at * bytes.length) : at] ^= 1
    writeFileSync(fileOf(here), bytes)
    ok(!isStored(await new Process(here).compile()))
  }
})

test('nothing of a configuration with a Secret is stored', async t => {
  const here = place(t, 'weighted-subsets')
  const secret =
    'apiVersion: v1\nkind: "\\x53ecret"\nmetadata: {name: s}\nstringData: {password: hidden-word}\n'
  writeFileSync(join(here.folder, 'zz.yaml'), secret)
  await new Process(here).compile()
  ok(!readdirSync(here.cache).some(name => name.endsWith('.compiled')))
})
