/**
 * The end of a watch, at every moment of its start, and while folders vanish: nothing stays open,
 * and nothing waits for ever. Each order is forced: every call that reads the file system can act
 * before it, or hang.
 */

import assert from 'node:assert/strict'
import fs, { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

type Call = { readonly name: string; readonly path: string; readonly count: number }
/** Before a call; what it returns is awaited. */
let before: (call: Call) => unknown = () => {}
let calls = 0
const open = new Set<fs.FSWatcher>()

type Reader = (path: string, ...rest: unknown[]) => Promise<unknown>
const readers = fs.promises as unknown as Record<string, Reader>
for (const name of ['lstat', 'stat', 'realpath', 'readdir', 'readlink']) {
  const read = readers[name]
  readers[name] = async (path, ...rest) => {
    const count = ++calls
    await null // as late as an answer of the kernel would be
    await before({ name, path: String(path), count })
    return read(path, ...rest)
  }
}
const watchOne = fs.watch as (...all: unknown[]) => fs.FSWatcher
fs.watch = ((...all: unknown[]) => {
  const watcher = watchOne(...all)
  const close = watcher.close.bind(watcher)
  open.add(watcher)
  watcher.close = () => {
    open.delete(watcher)
    close()
  }
  return watcher
}) as typeof fs.watch
syncBuiltinESMExports()
const { FileSource } = await import('../../src/source/files/source.ts')
const { watchPaths } = await import('../../src/source/files/watch.ts')

/** A folder with a mounted Secret in a folder, and the files of it that are watched. */
function secret(t: TestContext): { top: string; folder: string; files: string[] } {
  const top = mkdtempSync(join(tmpdir(), 'weir-watch-'))
  t.after(() => rmSync(top, { recursive: true, force: true }))
  const folder = join(top, 'certs')
  mkdirSync(join(folder, '..1'), { recursive: true })
  symlinkSync('..1', join(folder, '..data'))
  const files = ['tls.crt', 'tls.key'].map(name => {
    writeFileSync(join(folder, '..1', name), 'one')
    symlinkSync(join('..data', name), join(folder, name))
    return join(folder, name)
  })
  return { top, folder, files }
}

/** Does `act` before call `at`, counted from now; says whether there was such a call. */
function actAt(at: number, act: () => void): () => boolean {
  calls = 0
  let has = false
  before = ({ count }) => {
    if (count !== at || has) return
    has = true
    act()
  }
  return () => {
    before = () => {}
    return has
  }
}

const fail = (error: Error): void => assert.fail(error)

for (const what of ['files', 'folder'] as const) {
  test(`${what} that vanish at any moment of the start leave nothing open`, async t => {
    for (let at = 1, has = true; has; at++) {
      const { folder, files } = secret(t)
      const hasActed = actAt(at, () => rmSync(folder, { recursive: true }))
      const watch = watchPaths(what === 'files' ? files : [folder], () => {}, fail)
      await watch.begun
      await watch.close()
      has = hasActed()
      assert.equal(open.size, 0, `removed before call ${at}`)
      assert.ok(has || at > 20, 'the calls are seen')
    }
  })
}

test('a source that is closed at any moment of its start ends it', async t => {
  const { folder } = secret(t)
  for (let at = 0, has = true; has; at++) {
    const source = new FileSource({ paths: [folder] })
    let closing: Promise<void> | undefined
    const close = (): void => {
      closing = source.close()
    }
    const hasActed = actAt(at, close)
    if (at === 0) close()
    await source.open(() => {}, fail)
    has = hasActed() || at === 0
    await (closing ?? source.close())
    assert.equal(open.size, 0, `closed before call ${at}`)
  }
})

test('a missing path is awaited although the folder above it never rests', async t => {
  const { top } = secret(t)
  let made = 0
  before = ({ path }) => {
    if (path === top && made < 1_000) mkdirSync(join(top, `other-${made++}`))
  }
  const watch = watchPaths([join(top, 'missing/tls.crt'), join(top, 'gone')], () => {}, fail)
  await watch.begun
  before = () => {}
  await watch.close()
  assert.ok(made < 20, `${made} calls read the folder above`)
})

const timers = (): number => process.getActiveResourcesInfo().filter(each => each === 'Timeout').length

// of the two, only chokidar calls realpath
for (const hung of ['lstat', 'realpath']) {
  test(`a disk that does not answer ${hung} holds up no end`, async t => {
    const { folder } = secret(t)
    const { promise, resolve } = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const timersBefore = timers()
    before = ({ name, path }) => {
      if (name !== hung || path !== folder) return
      asked.resolve()
      return promise
    }
    const watch = watchPaths([folder], () => {}, fail)
    await asked.promise
    await watch.close()
    await watch.begun
    await new Promise(setImmediate)
    assert.equal(timers(), timersBefore)
    before = () => {}
    resolve()
  })
}
