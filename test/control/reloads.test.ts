import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../src/config/settings/settings.ts'
import type { Compiled } from '../../src/control/compile/compiled.ts'
import { tellLong } from '../../src/control/compile/tell-long.ts'
import { Reloads } from '../../src/control/reloads.ts'
import { watchedLog } from './scene.ts'

const compiled = (checksum: string, more: Partial<Compiled> = {}): Compiled => ({
  checksum,
  table: null,
  clients: null,
  leftOut: [],
  statuses: [],
  onlyObjects: false,
  decidesTheSame: false,
  credentials: [],
  settings: DEFAULT_SETTINGS,
  diagnostics: [],
  resources: [],
  names: [],
  namesInOrder: [],
  resolved: new Map(),
  live: {
    clusters: [],
    compiled: [],
    rows: new Map(),
    moved: [],
    upTo: 0,
    selectsPods: false,
    filesHaveWorkloads: false,
  },
  named: [],
  checked: [],
  removals: [],
  vanished: [],
  listeners: [],
  emptyFiles: [],
  changedFiles: [],
  restedMs: Number.POSITIVE_INFINITY,
  losses: null,
  doubts: [],
  access: '',
  unserved: 0,
  uncounted: 0,
  stages: { read: 0, parse: 0, validate: 0, plan: 0, lint: 0, build: 0 },
  ...more,
})

const NONE = new SharedArrayBuffer(0)
const NO_TABLE = { routing: NONE, endpoints: NONE, clients: NONE }

/**
 * Asks once; the looks find `looks`, one after another. Resolves with what was taken and how many
 * looks it took.
 */
async function taken(served: Compiled, ...looks: readonly Compiled[]) {
  const { promise, resolve } = Promise.withResolvers<Compiled>()
  const left = [...looks]
  const reloads = new Reloads({
    compiler: { compile: async () => left.shift() ?? null, forget: () => {} },
    names: { known: new Map(), follow: async () => {} },
    log: watchedLog().log,
    running: () => ({ compiled: served, generation: 1, table: NO_TABLE, stats: NONE, closing: [] }),
    onCompiled: compiled => {
      resolve(compiled)
      return 'taken'
    },
  })
  reloads.ask()
  const { checksum } = await promise
  reloads.close()
  return { checksum, looks: looks.length - left.length }
}

test('what has rested is taken at once', async () => {
  assert.deepEqual(await taken(compiled('old'), compiled('new')), { checksum: 'new', looks: 1 })
})

test('what has just been written may be half there: it is looked at again when it has rested', async () => {
  const half = compiled('half', { restedMs: 0 })
  assert.deepEqual(await taken(compiled('old'), half, half, compiled('whole')), {
    checksum: 'whole',
    looks: 3,
  })
})

test('a file with resources that has become empty is looked at again, and never taken', async () => {
  const resources = [{ title: 'Namespace shop', file: 'a.yaml', line: 1, digest: '' }]
  const emptied = (restedMs: number) => compiled('emptied', { restedMs, emptyFiles: ['a.yaml'] })
  assert.deepEqual(await taken(compiled('old', { resources }), emptied(400), compiled('full again')), {
    checksum: 'full again',
    looks: 2,
  })
  assert.deepEqual(await taken(compiled('old'), emptied(400)), { checksum: 'emptied', looks: 1 })
})

test('a reading that takes longer than a second is logged once, and a shorter one never', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { promise, resolve } = Promise.withResolvers<number>()
  let told = 0
  const long = tellLong(promise, () => told++)
  t.mock.timers.tick(999)
  assert.equal(told, 0)
  t.mock.timers.tick(9_000)
  assert.equal(told, 1)
  resolve(7)
  assert.equal(await long, 7)
  await tellLong(Promise.resolve(), () => told++)
  t.mock.timers.tick(2_000)
  assert.equal(told, 1)
})
