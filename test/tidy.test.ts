/**
 * What holds for the source as a whole: floors, no cycles, no dead modules, and the few modules
 * that alone may touch something.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { GROUPS } from './support/groups.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SRC = join(ROOT, 'src')

/** Each floor imports only from itself and those before it (docs/architecture.md). */
const FLOORS = [
  'base',
  'address',
  'kernel',
  'table',
  'stats',
  'access-log',
  'config',
  'engine',
  'source',
  'control',
  'admin',
  'cli',
]

/** Modules that are started by name, not imported. */
const ENTRIES = [
  'cli/main.ts',
  'engine/worker/worker.ts',
  'control/compile/compile-task.ts',
  'control/compile/diff-task.ts',
  'access-log/task.ts',
]

type Module = { readonly name: string; readonly text: string; readonly imports: readonly string[] }

const modules = readModules()
const byName = new Map(modules.map(module => [module.name, module]))

test('imports point down the floors', () => {
  const wrong = modules.flatMap(({ name, imports }) =>
    imports.filter(target => rank(target) > rank(name)).map(target => `${name} imports ${target}`),
  )
  assert.deepEqual(wrong, [])
})

test('the engine never sees the configuration', () => {
  const wrong = modules
    .filter(({ name }) => name.startsWith('engine/'))
    .flatMap(({ name }) => [...reach(name)].filter(target => target.startsWith('config/')))
  assert.deepEqual(wrong, [])
})

/** What the engine on completions may know of a kernel: not which one it is. */
const SEEN_BY_FLOW = ['kernel', 'errno', 'socket-address', 'user-data'].map(each => `kernel/${each}.ts`)

test('the engine on completions is given its kernel', () => {
  const wrong = modules
    .filter(({ name }) => name.startsWith('engine/flow/'))
    .flatMap(({ name, imports }) =>
      imports
        .filter(target => target.startsWith('kernel/') && !SEEN_BY_FLOW.includes(target))
        .map(target => `${name} imports ${target}`),
    )
  assert.deepEqual(wrong, [])
})

test('every folder of src is a floor', () => {
  const folders = readdirSync(SRC, { withFileTypes: true }).filter(entry => entry.isDirectory())
  assert.deepEqual(folders.map(entry => entry.name).sort(), [...FLOORS].sort())
})

test('no module imports itself by way of others', () => {
  const cycles = modules.filter(({ name, imports }) => imports.some(target => reach(target).has(name)))
  assert.deepEqual(
    cycles.map(module => module.name),
    [],
  )
})

test('no module is dead', () => {
  const alive = new Set(ENTRIES.flatMap(entry => [entry, ...reach(entry)]))
  assert.deepEqual(
    modules.map(module => module.name).filter(name => !alive.has(name)),
    [],
  )
})

const ALONE: readonly { what: string; pattern: RegExp; where: RegExp }[] = [
  { what: 'imports node:ffi', pattern: /(from |Module\()'node:ffi'/, where: /^kernel\/libc\.ts$/ },
  {
    what: 'reads the time',
    pattern: /\bDate\.now\(|new Date\(\)|performance\.now\(|process\.hrtime/,
    where: /^base\/clock\.ts$/,
  },
  {
    what: 'imports the clock, in engine and table: a world is given (base/world.ts)',
    pattern: /base\/clock\.ts'/,
    where: /^(?!engine\/|table\/)/,
  },
  {
    what: 'draws random numbers that nobody seeded',
    pattern: /Math\.random\b|getRandomValues|random(Bytes|Int|UUID|Fill)/,
    where: /^(kernel\/machine|control\/workers\/selected-drain)\.ts$/,
  },
  {
    what: 'knows the machine, in engine and table',
    pattern: /kernel\/machine\.ts'|'node:(os|fs|fs\/promises|crypto)'/,
    where: /^(?!engine\/|table\/)|^engine\/worker\/worker\.ts$|^table\/match\/sticky\.ts$/, // a hash of bytes
  },
  {
    what: 'sets a timer, in engine and table',
    // The engine on node:net lives on Node's event loop; left-behind.ts runs in the primary thread.
    pattern: /\bset(Timeout|Interval|Immediate)\b|node:timers|base\/(turns|settled)\.ts'/,
    where: /^(?!engine\/|table\/)|^engine\/node\/|^engine\/worker\/left-behind\.ts$/,
  },
  { what: 'exits the process', pattern: /process\.exit\b|process\.exitCode/, where: /^cli\// },
  {
    what: "writes a connection's state",
    pattern: /\bslots\.state\[[^\]]*\]\s*=[^=]|this\.state\[[^\]]*\]\s*=[^=]/,
    where: /^engine\/flow\/slots\.ts$/,
  },
  {
    what: 'counts operations in flight',
    pattern: /\binFlight\[[^\]]*\](\+\+|--|\s*[-+]?=[^=])/,
    where: /^engine\/flow\/ask\.ts$/,
  },
  { what: 'parses YAML', pattern: /from 'yaml'/, where: /^config\/text\// },
  { what: 'prints', pattern: /console\.\w+\(/, where: /^$/ },
]

for (const { what, pattern, where } of ALONE) {
  test(`only ${where.source} ${what}`, () => {
    const wrong = modules.filter(({ name, text }) => pattern.test(withoutComments(text)) && !where.test(name))
    assert.deepEqual(
      wrong.map(module => module.name),
      [],
    )
  })
}

test('every module opens by saying what it is', () => {
  const wrong = modules.filter(({ text }) => !text.startsWith('/**'))
  assert.deepEqual(
    wrong.map(module => module.name),
    [],
  )
})

test('every folder whose tests share a process is loaded by one entry', () => {
  const entries = join(ROOT, 'test', 'groups')
  const text = readdirSync(entries)
    .map(name => readFileSync(join(entries, name), 'utf8').replace(/^import .*$/m, ''))
    .join('\n')
  assert.deepEqual([...text.matchAll(/'([^']+)'/g)].map(found => found[1]).sort(), Object.keys(GROUPS).sort())
})

function readModules(): Module[] {
  const names = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  return names.map(name => {
    const text = readFileSync(join(SRC, name), 'utf8')
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(found => found[1])
    return { name, text, imports: specifiers.map(each => relative(SRC, join(SRC, dirname(name), each))) }
  })
}

function rank(name: string): number {
  return FLOORS.indexOf(name.split('/')[0])
}

/** All that `name` imports, directly or not. */
function reach(name: string): Set<string> {
  const seen = new Set<string>()
  const open = [name]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const target of byName.get(next)?.imports ?? []) {
      if (seen.has(target)) continue
      seen.add(target)
      open.push(target)
    }
  }
  return seen
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}
