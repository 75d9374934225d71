/**
 * Preloaded by a gateway (`node --import`), it counts what the worker threads call: functions of
 * the C library by `node:ffi`, operations of their kernel, and atomics on memory that threads
 * share. src needs no line for it.
 *
 * SIGUSR2 makes the main thread write the counts so far to WEIR_BENCH_CALLS, by worker thread.
 */

import { renameSync, writeFileSync } from 'node:fs'
import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads'

const KEY = 'weir-bench-calls'
const THREADS = 64
/** Names are registered by whoever first counts one, so each thread has its own places for them. */
const NAMES = 128
const NAME_BYTES = 64

type Memory = { readonly counts: SharedArrayBuffer; readonly names: SharedArrayBuffer }

const memory = (getEnvironmentData(KEY) as Memory | undefined) ?? created()
const row = threadId % THREADS
const counts = new Float64Array(memory.counts, row * NAMES * 8, NAMES)
const names = new Uint8Array(memory.names, row * NAMES * NAME_BYTES, NAMES * NAME_BYTES)
const places = new Map<string, number>()

function created(): Memory {
  const made = {
    counts: new SharedArrayBuffer(THREADS * NAMES * 8),
    names: new SharedArrayBuffer(THREADS * NAMES * NAME_BYTES),
  }
  setEnvironmentData(KEY, made)
  return made
}

function placeOf(name: string): number {
  const known = places.get(name)
  if (known !== undefined) return known
  const place = places.size
  if (place >= NAMES) throw new Error('too many names are counted')
  places.set(name, place)
  names.set(Buffer.from(name).subarray(0, NAME_BYTES), place * NAME_BYTES)
  return place
}

const count = (name: string): void => {
  counts[placeOf(name)]++
}

// ── the main thread answers ────────────────────────────────────────────────

if (isMainThread) {
  const path = process.env.WEIR_BENCH_CALLS
  if (path)
    process.on('SIGUSR2', () => {
      writeFileSync(`${path}.new`, JSON.stringify(all()))
      renameSync(`${path}.new`, path)
    })
}

function all(): Record<string, number>[] {
  const [values, texts] = [new Float64Array(memory.counts), Buffer.from(memory.names)]
  return Array.from({ length: THREADS }, (_, thread) => {
    const entries = Array.from({ length: NAMES }, (_, name) => {
      const at = thread * NAMES + name
      const text = texts.toString('utf8', at * NAME_BYTES, (at + 1) * NAME_BYTES)
      return [text.slice(0, text.indexOf('\0')), values[at]] as const
    })
    return Object.fromEntries(entries.filter(([name, value]) => name !== '' && value > 0))
  })
}

// ── the C library ──────────────────────────────────────────────────────────

type Callable = (...words: (number | bigint)[]) => number | bigint
type Ffi = {
  dlopen: (library: string | null, symbols: object) => { functions: Record<string, Callable> }
}

const ENTER = 426

function counted(name: string, call: Callable): Callable {
  if (name === 'syscall')
    return (...words) => {
      count(Number(words[0]) === ENTER ? 'call io_uring_enter' : 'call syscall')
      return call(...words)
    }
  const text = `call ${name}`
  return (...words) => {
    count(text)
    return call(...words)
  }
}

if (!isMainThread) {
  const ffi = process.getBuiltinModule('node:ffi') as unknown as Ffi
  const { dlopen } = ffi
  ffi.dlopen = (library, symbols) => {
    const opened = dlopen(library, symbols)
    const functions = Object.entries(opened.functions).map(([name, call]) => [name, counted(name, call)])
    return { functions: Object.fromEntries(functions) }
  }
}

// ── operations of the kernel ───────────────────────────────────────────────

const OPERATIONS = [
  'accept',
  'connect',
  'receive',
  'send',
  'ready',
  'watch',
  'cancel',
  'cancelAll',
  'close',
] as const
type Operations = Record<(typeof OPERATIONS)[number], (...words: unknown[]) => void>

if (!isMainThread) {
  const { UringKernel } = await import('../../src/kernel/uring/kernel.ts')
  const { EpollKernel } = await import('../../src/kernel/epoll/kernel.ts')
  for (const each of [UringKernel, EpollKernel]) {
    const methods = each.prototype as unknown as Operations
    for (const name of OPERATIONS) {
      const method = methods[name]
      methods[name] = function (...words) {
        count(`operation ${name}`)
        method.apply(this, words)
      }
    }
  }
}

// ── atomics on shared memory ───────────────────────────────────────────────

if (!isMainThread && process.env.WEIR_BENCH_ATOMICS === '1') {
  const atomics = Atomics as unknown as Record<string, (words: Int32Array, ...rest: number[]) => number>
  for (const name of ['load', 'store', 'add', 'sub', 'and', 'or', 'exchange', 'compareExchange']) {
    const own = atomics[name]
    atomics[name] = (words, ...rest) => {
      if (words.buffer instanceof SharedArrayBuffer) count(`atomic ${name}, ${caller()}`)
      return own(words, ...rest)
    }
  }
}

/** The module that does it, below src. */
function caller(): string {
  const { stack = '' } = new Error()
  return /src\/([^\s:]+)\.ts/.exec(stack.split('\n').slice(3).join('\n'))?.[1] ?? 'elsewhere'
}
