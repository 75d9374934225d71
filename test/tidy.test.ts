/**
 * Rules for the source as a whole: floors, no cycles, no dead modules, and the few modules that
 * alone may touch something.
 */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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
  'wire',
  'kernel',
  'table',
  'tls',
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
  'control/compile/parse-task.ts',
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

/**
 * The rooms of the engine, likewise: decisions know nothing of workers, and the engines nothing of
 * each other. worker.ts starts one of them.
 */
const ROOMS = [['decide'], ['worker'], ['flow', 'node']]

test('imports point down the rooms of the engine', () => {
  const room = (name: string): string => name.split('/')[1]
  const level = (name: string): number => ROOMS.findIndex(rooms => rooms.includes(room(name)))
  const isDown = (from: string, to: string): boolean => room(from) === room(to) || level(to) < level(from)
  const wrong = modules
    .filter(({ name }) => name.startsWith('engine/') && name !== 'engine/worker/worker.ts')
    .flatMap(({ name, imports }) =>
      imports
        .filter(target => target.startsWith('engine/') && !isDown(name, target))
        .map(target => `${name} imports ${target}`),
    )
  assert.deepEqual(wrong, [])
  assert.deepEqual(readdirSync(join(SRC, 'engine')).sort(), ROOMS.flat().sort())
})

/** No callback upward, though it looks like one: a part that the engine is given, as its kernel. */
const GIVEN = ['onAdmitted']

test('no callback of the engine goes up more than one floor', () => {
  const options = modules
    .filter(({ name }) => name.startsWith('engine/'))
    .flatMap(({ name, text }) =>
      [...text.matchAll(/^ {2}readonly (on[A-Z]\w*)\??:/gm)].map(([, option]) => ({ name, option })),
    )
  const roomOf = ({ name, option }: (typeof options)[number]): string => `${dirname(name)} ${option}`
  const handedOn = options.filter(
    each =>
      !GIVEN.includes(each.option) &&
      options.some(other => other.name !== each.name && roomOf(other) === roomOf(each)),
  )
  assert.deepEqual(handedOn, [])
})

test('every folder of src is a floor', () => {
  const folders = readdirSync(SRC, { withFileTypes: true }).filter(entry => entry.isDirectory())
  assert.deepEqual(folders.map(entry => entry.name).sort(), [...FLOORS].sort())
})

/** Beside files with a usual name, and what Git ignores. */
const TOP = ['bench', 'bin', 'config', 'docs', 'src', 'test']
const MADE = ['node_modules', 'dist', 'coverage']

test('the top level has these folders only', () => {
  const folders = readdirSync(ROOT, { withFileTypes: true }).filter(entry => entry.isDirectory())
  const names = folders.map(entry => entry.name).filter(name => !name.startsWith('.') && !MADE.includes(name))
  assert.deepEqual(names.sort(), TOP)
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

/**
 * Values that only tests import from outside their module, each with its reason. A value that no
 * module of src imports is a dead export otherwise. A type may be exported for tests, since it
 * costs nothing at run time.
 */
const FOR_TESTS: Readonly<Record<string, string>> = {
  'cli/live/top/rules.ts rulesPage': 'pictures of rules without a gateway',
  'config/validate/route-test.ts ROUTE_TEST_FIELDS': 'the fields that docs/configuration.md has to name',
  'kernel/epoll/probe.ts refused': 'every errno, which no one machine gives',
  'kernel/own-addresses.ts localRoutes4': "a routing table's text that this machine does not have",
  'kernel/own-addresses.ts localRoutes6': "a routing table's text that this machine does not have",
  'kernel/sockets.ts acceptWaiting': 'sockets without a kernel object around them',
  'kernel/uring/io-uring.ts CQE_F_MORE': "the ring's own flags",
  'kernel/uring/prepare.ts prepareRecv': 'what the load of the benches receives by',
  'kernel/uring/probe.ts whyNoRing': 'every errno, which no one machine gives',
  'stats/backoffs.ts backoffMs': 'the waits that an endpoint has to keep, without repeating the formula',
  'stats/connections.ts LIVE_ROWS_MAX': 'the limit, to reach it',
  'stats/generations.ts TABLES_KEPT': 'the limit, to reach it',
  'stats/histogram.ts bucketOf': 'every edge of every bucket',
  'stats/series-totals.ts NAMES_MAX': 'the limit, to pass it',
  'stats/source-table.ts connectionsOf': 'what a source has, without a worker',
  'stats/sources.ts NO_ROOM': 'a table that is full',
  'table/build/endpoints.ts wordsWritten': 'what a change costs, which no time can show',
  'table/build/exact.ts PAIRED_PERIOD_MAX': 'the limit, to pass it',
  'table/build/exact.ts isPeriodic': 'which splits have a period to be tried in whole',
  'table/explain/explain.ts explain': 'one question, without an Explainer to keep',
  'table/format/sections.ts refusal': 'every way in which a buffer can be wrong',
  'table/format/table.ts withClients': 'a revision without a supervisor',
  'table/format/table.ts withEndpoints': 'a revision without a supervisor',
  'wire/proxy-binary.ts BINARY_BYTES_MAX': 'the limit, to pass it',
}
test('no export is dead', () => {
  const inSrc = importsOf(SRC)
  const outside = new Set([...importsOf(join(ROOT, 'test')), ...importsOf(join(ROOT, 'bench'))])
  const dead = modules
    .filter(({ name }) => !ENTRIES.includes(name))
    .flatMap(({ name, text }) =>
      exportsOf(text).map(each => ({ ...each, key: `${name} ${each.exported}`, whole: `${name} *` })),
    )
    .filter(({ key, whole }) => !inSrc.has(key) && !inSrc.has(whole))
  const isTested = ({ key, isType }: (typeof dead)[number]): boolean => isType && outside.has(key)
  assert.deepEqual(
    dead
      .filter(each => !isTested(each))
      .map(({ key }) => key)
      .sort(),
    Object.keys(FOR_TESTS),
  )
})

const COMMENT_MAX = 100
const COMMENT = /^\s*(\/\*|\*|\/\/)/
/** Drawings and examples are as wide as what they show. */
const FIGURE = /[─│▶]|^\s*\* {3}/

test(`no comment is wider than ${COMMENT_MAX} columns`, () => {
  const wide = ['src', 'test', 'bench'].flatMap(folder =>
    typescriptOf(join(ROOT, folder)).flatMap(name =>
      readFileSync(join(ROOT, folder, name), 'utf8')
        .split('\n')
        .flatMap((line, index) =>
          COMMENT.test(line) && !FIGURE.test(line) && line.length > COMMENT_MAX
            ? [`${folder}/${name}:${index + 1}`]
            : [],
        ),
    ),
  )
  assert.deepEqual(wide, [])
})

test(`neither is one in config, but for commands and what they print`, () => {
  const files = readdirSync(join(ROOT, 'config'), { recursive: true, encoding: 'utf8' })
  const wide = files
    .filter(name => /\.(yaml|tpl|conf|logrotate|service)$/.test(name))
    .flatMap(name =>
      readFileSync(join(ROOT, 'config', name), 'utf8')
        .split('\n')
        .flatMap((line, index) =>
          /^\s*#(?! {3})/.test(line) && line.length > COMMENT_MAX ? [`config/${name}:${index + 1}`] : [],
        ),
    )
  assert.deepEqual(wide, [])
})

test('no object literal is spread into another: that only pleases the formatter', () => {
  const wrong = ['src', 'test', 'bench'].flatMap(folder =>
    typescriptOf(join(ROOT, folder))
      .filter(name => /\.\.\.\{/.test(withoutComments(readFileSync(join(ROOT, folder, name), 'utf8'))))
      .map(name => `${folder}/${name}`),
  )
  assert.deepEqual(wrong, [])
})

const ALONE: readonly { what: string; pattern: RegExp; where: RegExp }[] = [
  {
    what: 'imports node:ffi',
    pattern: /(from |Module\()'node:ffi'/,
    where: /^kernel\/libc\.ts$|^tls\/openssl\.ts$/,
  },
  {
    what: 'calls the system itself',
    pattern: /\/libc\.ts'/,
    where: /^kernel\/|^engine\/node\/direct\.ts$|^tls\/openssl\.ts$/,
  },
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
    where:
      /^(base\/keyed-digest|control\/credentials\/ticket-keys|engine\/node\/tickets|kernel\/machine|control\/workers\/close-orders|source\/kubernetes\/lease)\.ts$/,
  },
  {
    what: 'knows the machine, in engine and table',
    pattern: /kernel\/machine\.ts'|'node:(os|fs|fs\/promises|crypto)'/,
    where:
      /^(?!engine\/|table\/)|^engine\/worker\/worker\.ts$|^engine\/node\/tickets\.ts$|^table\/match\/sticky\.ts$/, // a hash of bytes
  },
  {
    what: 'sets a timer, in engine and table',
    // The engine on node:net lives on Node's event loop.
    pattern: /\bset(Timeout|Interval|Immediate)\b|node:timers|base\/(turns|settled)\.ts'/,
    where: /^(?!engine\/|table\/)|^engine\/node\//,
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

const LINES_MAX = 300
/** Whoever has more says so in its head, and why. */
const REASON = /^\/\*\*(?:(?!\*\/)[\s\S])*?\bMore than 300 lines[,:] /

test(`no module is longer than ${LINES_MAX} lines without a reason in its head`, () => {
  const sources = ['src', 'bench', 'test/support'].flatMap(folder =>
    typescriptOf(join(ROOT, folder)).map(name => {
      const text = readFileSync(join(ROOT, folder, name), 'utf8')
      return { name: `${folder}/${name}`, isLong: text.trimEnd().split('\n').length > LINES_MAX, text }
    }),
  )
  const wrong = sources.filter(({ isLong, text }) => isLong !== REASON.test(text))
  assert.deepEqual(
    wrong.map(({ name, isLong }) => `${name}: ${isLong ? 'no reason' : 'a reason for nothing'}`),
    [],
  )
})

test('every folder whose tests share a process is loaded once, whole or by its halves', () => {
  const entries = join(ROOT, 'test', 'groups')
  const text = readdirSync(entries)
    .sort()
    .map(name => readFileSync(join(entries, name), 'utf8').replace(/^import .*$/m, ''))
    .join('\n')
    .replace(/loadHalf\('([^']+)', 0\)([\s\S]*)loadHalf\('\1', 1\)/g, "load('$1')$2")
  assert.doesNotMatch(text, /loadHalf/)
  assert.deepEqual([...text.matchAll(/'([^']+)'/g)].map(found => found[1]).sort(), Object.keys(GROUPS).sort())
})

test('what is said to take longest is there', () => {
  const text = readFileSync(join(ROOT, 'test/run.ts'), 'utf8')
  const named = [...text.matchAll(/^ {2}'(test\/\S+\.ts)',$/gm)].map(found => found[1])
  assert.ok(named.length > 10)
  assert.deepEqual(
    named.filter(file => !existsSync(join(ROOT, file))),
    [],
  )
})

function typescriptOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
}

function readModules(): Module[] {
  return typescriptOf(SRC).map(name => {
    const text = readFileSync(join(SRC, name), 'utf8')
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(found => found[1])
    return { name, text, imports: specifiers.map(each => relative(SRC, join(SRC, dirname(name), each))) }
  })
}

function rank(name: string): number {
  return FLOORS.indexOf(name.split('/')[0])
}

const EXPORT = /^export (?:async )?(const|let|function\*?|class|type|interface) (\w+)/gm

const exportsOf = (text: string): { exported: string; isType: boolean }[] =>
  [...withoutComments(text).matchAll(EXPORT)].map(([, kind, exported]) => ({
    exported,
    isType: kind === 'type' || kind === 'interface',
  }))

const IMPORT = /(?:import|export)\s+(?:type\s+)?(\{[^}]*\}|\*(?:\s+as\s+\w+)?)\s+from\s+'(\.[^']+)'/g
const LATE_IMPORT = /import\(\s*'(\.[^']+)'\s*\)/g

/**
 * The imports of the modules below `folder` from src: `module name`, and `module *` for all of a
 * module.
 */
function importsOf(folder: string): Set<string> {
  const found = new Set<string>()
  for (const file of typescriptOf(folder)) {
    const text = withoutComments(readFileSync(join(folder, file), 'utf8'))
    const moduleOf = (specifier: string): string => relative(SRC, join(folder, dirname(file), specifier))
    for (const [, names, specifier] of text.matchAll(IMPORT)) {
      const list = names.startsWith('{') ? names.slice(1, -1).split(',') : ['*']
      for (const each of list) {
        const [name] = each
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/)
        found.add(`${moduleOf(specifier)} ${name}`)
      }
    }
    for (const [, specifier] of text.matchAll(LATE_IMPORT)) found.add(`${moduleOf(specifier)} *`)
  }
  return found
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
