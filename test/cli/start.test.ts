/**
 * A start: what is loaded for which command, and where Node keeps the compiled code until the next
 * one.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeFolder } from '../../src/base/make-folder.ts'
// @ts-expect-error: plain JavaScript
import { cacheDirectory as untyped } from '../../src/cli/compile-cache.js'
import { ClusterCache } from '../../src/source/kubernetes/cache.ts'
import { folder, routing } from '../control/scene.ts'
import { fullOnly } from '../support/full.ts'
import { freePort, until } from '../support/sockets.ts'
import { environment, FROM_SOURCE, type Variables, WEIR } from './start-kit.ts'

const NOBODY = 65534

/** Prints the path of each module that was loaded, as the process ends. */
const LISTING = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({ load(url, context, next) { process._rawDebug('loaded ' + url); return next(url, context) } })
`)}`

const cacheDirectory: (variables: Variables) => string | null = untyped

function version(variables: Variables): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [WEIR, '--version'], {
    env: environment(variables),
    encoding: 'utf8',
  })
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  assert.equal(stderr, '')
  assert.equal(status, 0)
}

/** Loaded modules of src and of packages: `cli/check.ts`, `yaml`. */
function loaded(...words: readonly string[]): ReadonlySet<string> {
  const env = { ...process.env, ...FROM_SOURCE }
  const { stderr } = spawnSync(process.execPath, ['--import', LISTING, WEIR, ...words], {
    env,
    encoding: 'utf8',
  })
  const paths = [...stderr.matchAll(/^loaded file:.*\/(?:src|node_modules)\/(.*)$/gm)].map(found => found[1])
  return new Set(paths.map(path => path.replace(/^((?:@[^/]+\/)?[^/]+)\/.*\.(?:c|m)?js$/, '$1')))
}

test('the cache is a directory of the user’s own, and the next start reads it', t => {
  const home = folder(t)
  version({ XDG_CACHE_HOME: home })
  const cache = join(home, 'weir', 'compile-cache')
  assert.equal(statSync(cache).mode & 0o777, 0o700)
  assert.equal(statSync(join(home, 'weir')).mode & 0o777, 0o700)
  const { stderr } = spawnSync(process.execPath, [WEIR, '--version'], {
    env: environment({ XDG_CACHE_HOME: home, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }),
    encoding: 'utf8',
  })
  assert.match(stderr, /code cache for ESM file:.*\/src\/cli\/program\.ts was accepted/)
  assert.doesNotMatch(stderr, /writing cache for/)
})

test('where it stands: systemd’s, then XDG’s, then .cache in the home', t => {
  const root = folder(t)
  const [systemd, xdg, home] = ['systemd', 'xdg', 'home'].map(name => join(root, name))
  for (const each of [systemd, xdg, home]) mkdirSync(each, { mode: 0o700 })
  const given = { CACHE_DIRECTORY: `${systemd}:/elsewhere`, XDG_CACHE_HOME: xdg }
  assert.equal(cacheDirectory(given), join(systemd, 'compile-cache'))
  assert.deepEqual(readdirSync(xdg), [])
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: xdg }), join(xdg, 'weir', 'compile-cache'))
  const before = process.env.HOME
  process.env.HOME = home
  t.after(() => {
    process.env.HOME = before
  })
  const inHome = join(home, '.cache', 'weir', 'compile-cache')
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: 'not/absolute' }), inHome)
  for (const place of [dirname(inHome), inHome]) assert.equal(statSync(place).mode & 0o777, 0o700, place)
})

test('where no folder can be made, there is no cache, and no end of trying', () => {
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: '/proc/nowhere' }), null)
  assert.throws(() => makeFolder('/proc/nowhere/else'), { code: 'ENOENT' })
  assert.throws(() => new ClusterCache('/proc/nowhere/else', '').write([]), { code: 'ENOENT' })
})

test('whoever told Node about a cache is obeyed', t => {
  const root = folder(t)
  version({ XDG_CACHE_HOME: root, NODE_DISABLE_COMPILE_CACHE: '1' })
  assert.deepEqual(readdirSync(root), [])
  version({ XDG_CACHE_HOME: root, NODE_COMPILE_CACHE: join(root, 'own') })
  assert.deepEqual(readdirSync(root), ['own'])
})

test('a directory that others can read or write is not used', t => {
  const home = folder(t)
  const cache = join(home, 'weir', 'compile-cache')
  mkdirSync(cache, { recursive: true })
  for (const mode of [0o777, 0o755, 0o770]) {
    chmodSync(cache, mode)
    assert.equal(cacheDirectory({ XDG_CACHE_HOME: home }), null, mode.toString(8))
  }
  chmodSync(cache, 0o700)
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: home }), cache)
})

test('nothing is made below a directory in which others can rename', t => {
  const home = folder(t)
  chmodSync(home, 0o777)
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: home }), null)
  assert.deepEqual(readdirSync(home), [])
  chmodSync(home, 0o1777)
  assert.notEqual(cacheDirectory({ XDG_CACHE_HOME: home }), null)
})

test('nothing is made below a directory of another user', { skip: onlyRoot() }, t => {
  const home = folder(t)
  chownSync(home, NOBODY, NOBODY)
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: home }), null)
  assert.deepEqual(readdirSync(home), [])
})

test('a link is followed once, and what it leads to is judged', t => {
  const home = folder(t)
  const [safe, open] = ['safe', 'open'].map(name => join(home, name))
  mkdirSync(safe, { mode: 0o700 })
  mkdirSync(open)
  chmodSync(open, 0o777)
  symlinkSync(safe, join(home, 'to-safe'))
  symlinkSync(open, join(home, 'to-open'))
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: join(home, 'to-safe') }), join(safe, 'weir', 'compile-cache'))
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: join(home, 'to-open') }), null)
})

test('where a directory cannot be had, weir starts without', t => {
  const home = folder(t, { weir: 'a file' })
  version({ XDG_CACHE_HOME: home })
  assert.deepEqual(readdirSync(home), ['weir'])
})

test('worker threads read the cache too, and write it before they serve', { skip: fullOnly }, async t => {
  const root = folder(t, { 'a.yaml': routing(await freePort(), 9) })
  const cache = join(root, 'cache')
  mkdirSync(cache, { mode: 0o700 })
  const env = environment({ CACHE_DIRECTORY: cache, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
  // The main thread writes at once after it has said that it serves. It says so in pieces, between
  // which other threads may speak: what counts is the file.
  const isWritten = (said: string): boolean => {
    const [, temporary] = /for ESM \S+supervisor\.ts to temporary file (\S+)/.exec(said) ?? []
    return temporary !== undefined && existsSync(temporary.replace(/\.[^.]*$/, ''))
  }
  await killedWhenReady(t, root, env, isWritten)
  const said = await killedWhenReady(t, root, env)
  for (const path of ['engine/worker/mailbox.ts', 'config/lint/lint.ts', 'control/workers/supervisor.ts'])
    assert.match(said, new RegExp(`code cache for ESM file:.*/src/${path} was accepted`), path)
})

test('no module of weir is searched for, once it has started', t => {
  const searching = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module'
    registerHooks({ resolve(specifier, context, next) {
      if (context.parentURL?.includes('/src/')) process._rawDebug('searched ' + specifier)
      return next(specifier, context)
    } })
  `)}`
  const words = ['--import', searching, WEIR, 'check', folder(t, { 'a.yaml': '' })]
  const env = { ...process.env, ...FROM_SOURCE }
  const { stderr } = spawnSync(process.execPath, words, { env, encoding: 'utf8' })
  const searched = [...stderr.matchAll(/^searched (.*)$/gm)].map(found => found[1])
  assert.ok(searched.includes('yaml'))
  assert.deepEqual(
    searched.filter(each => /^\.|\/src\//.test(each)),
    [
      './compile-cache.js',
      './built.js',
      './siblings.js',
      new URL('../../src/cli/main.ts', import.meta.url).href,
    ],
  )
})

test('a command loads only what it needs', t => {
  const root = folder(t, { 'a.yaml': '' })
  const idle = loaded('--version')
  assert.ok(idle.has('cli/program.ts') && idle.has('commander'))
  assertNone(idle, 'cli/run.ts', 'cli/check.ts', 'cli/explain.ts', 'cli/live/client.ts', 'yaml', 'pino')
  const check = loaded('check', root)
  assert.ok(check.has('config/load.ts') && check.has('yaml'))
  assertNone(check, 'pino', 'piscina', 'fastify', 'chokidar', 'msgpackr', 'kernel/libc.ts', 'cli/run.ts')
  const live = loaded('explain', '--live', '--to', '127.0.0.1:1', '--admin', `unix:${root}/none`)
  assert.ok(live.has('cli/live/explain.ts'))
  assertNone(live, 'yaml', 'config/load.ts', 'table/build/builder.ts', 'pino', 'piscina')
})

function assertNone(modules: ReadonlySet<string>, ...names: readonly string[]): void {
  assert.deepEqual(
    names.filter(name => modules.has(name)),
    [],
  )
}

/**
 * Serves until every listener accepts, then ends without a chance to write anything; what it said
 * on stderr.
 */
/**
 * What it says until it serves, and until its stderr has what `waited` matches. It is a file: Node
 * drops what a full pipe does not take.
 */
async function killedWhenReady(
  t: TestContext,
  root: string,
  env: NodeJS.ProcessEnv,
  isDone: (said: string) => boolean = () => true,
): Promise<string> {
  const file = join(root, 'said')
  const stderr = openSync(file, 'w')
  const child: ChildProcess = spawn(process.execPath, [WEIR, 'run', join(root, 'a.yaml')], {
    env,
    stdio: ['ignore', 'pipe', stderr],
  })
  closeSync(stderr)
  t.after(() => child.kill('SIGKILL'))
  const closed = once(child, 'close')
  let told = ''
  child.stdout?.on('data', data => {
    told += data
  })
  const said = () => readFileSync(file, 'utf8')
  await until(() => told.includes('every listener accepts') && isDone(said()))
  child.kill('SIGKILL')
  await closed
  return said()
}

function onlyRoot(): string | false {
  return process.geteuid?.() === 0 ? false : 'only root can give a directory to another user'
}
