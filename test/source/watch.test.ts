/**
 * Every way in which a file gets saved must be noticed; that one burst gives one call is in
 * debounce.test.ts.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { watchPaths } from '../../src/source/files/watch.ts'

type Scene = { readonly folder: string; changed: () => Promise<void>; calls: () => number }

/** Watches what `choose` picks in a fresh folder; `changed` resolves with the next call. */
async function scene(
  t: TestContext,
  arrange: (folder: string) => void,
  choose = (folder: string) => folder,
): Promise<Scene> {
  const root = mkdtempSync(join(tmpdir(), 'weir-watch-'))
  const folder = join(root, 'config')
  arrange(folder)
  let count = 0
  let next = Promise.withResolvers<void>()
  const onChange = () => {
    count++
    next.resolve()
    next = Promise.withResolvers()
  }
  const watch = watchPaths([choose(folder)], onChange, error => assert.fail(error))
  await watch.begun
  t.after(async () => {
    await watch.close()
    rmSync(root, { recursive: true })
  })
  return { folder, changed: () => next.promise, calls: () => count }
}

function one(folder: string): void {
  mkdirSync(folder)
  writeFileSync(join(folder, 'a.yaml'), 'one')
}

const saves: Record<string, (folder: string) => void> = {
  'written in place': folder => writeFileSync(join(folder, 'a.yaml'), 'two'),
  'renamed over': folder => {
    writeFileSync(join(folder, '.a.yaml.tmp'), 'two')
    renameSync(join(folder, '.a.yaml.tmp'), join(folder, 'a.yaml'))
  },
  'truncated, then written': folder => {
    const fd = openSync(join(folder, 'a.yaml'), 'r+')
    ftruncateSync(fd, 0)
    writeSync(fd, 'two')
    closeSync(fd)
  },
  'moved away and written anew': folder => {
    renameSync(join(folder, 'a.yaml'), join(folder, 'a.yaml~'))
    writeFileSync(join(folder, 'a.yaml'), 'two')
  },
  added: folder => writeFileSync(join(folder, 'b.yaml'), 'two'),
  'added in a new folder': folder => {
    mkdirSync(join(folder, 'c/d'), { recursive: true })
    writeFileSync(join(folder, 'c/d/e.yaml'), 'two')
  },
  removed: folder => rmSync(join(folder, 'a.yaml')),
  'one of many at once': folder => {
    for (let i = 0; i < 200; i++) writeFileSync(join(folder, `${i}.yaml`), 'two')
  },
}

for (const [how, save] of Object.entries(saves)) {
  test(`a file that is ${how} is noticed`, async t => {
    const { folder, changed } = await scene(t, one)
    const noticed = changed()
    save(folder)
    await noticed
  })
}

/** What the kubelet does: a new folder, then `..data` is renamed over, then the old folder goes. */
function configMap(folder: string, version: string, before?: string): void {
  mkdirSync(join(folder, `..${version}`), { recursive: true })
  writeFileSync(join(folder, `..${version}`, 'a.yaml'), version)
  symlinkSync(`..${version}`, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  if (before === undefined) symlinkSync('..data/a.yaml', join(folder, 'a.yaml'))
  else rmSync(join(folder, `..${before}`), { recursive: true })
}

const asFolder = (folder: string) => folder
const asFile = (folder: string) => join(folder, 'a.yaml')

for (const [what, choose] of Object.entries({ folder: asFolder, file: asFile })) {
  test(`each swap of a ConfigMap is noticed where its ${what} is watched`, async t => {
    const { folder, changed } = await scene(t, folder => configMap(folder, '2026_1'), choose)
    for (const [version, before] of [
      ['2026_2', '2026_1'],
      ['2026_3', '2026_2'],
    ]) {
      const noticed = changed()
      configMap(folder, version, before)
      await noticed
    }
  })
}

test('a folder that appears later is noticed', async t => {
  const { folder, changed } = await scene(t, () => {})
  const noticed = changed()
  one(folder)
  await noticed
})

test('a folder that is replaced is noticed, and watched on', async t => {
  const { folder, changed } = await scene(t, one)
  let noticed = changed()
  renameSync(folder, `${folder}.old`)
  one(folder)
  await noticed
  noticed = changed()
  writeFileSync(join(folder, 'b.yaml'), 'two')
  await noticed
})

test('the target of a link outside the folder is noticed when it changes in place', async t => {
  const { folder, changed } = await scene(t, folder => {
    mkdirSync(folder)
    writeFileSync(`${folder}-target.yaml`, 'one')
    symlinkSync(`${folder}-target.yaml`, join(folder, 'a.yaml'))
  })
  const noticed = changed()
  writeFileSync(`${folder}-target.yaml`, 'two')
  await noticed
})

/**
 * Ways in which a path comes to mean something else, without anything in its folder or above it
 * being touched.
 */
const turns: Record<string, { arrange: (base: string) => string; turn: (base: string) => void }> = {
  'a grandparent is renamed and replaced': {
    arrange: base => folderAt(join(base, 'a/b/config')),
    turn: base => {
      renameSync(join(base, 'a'), join(base, 'old'))
      folderAt(join(base, 'a/b/config'))
    },
  },
  'an ancestor is a link that is swapped': {
    arrange: base => {
      folderAt(join(base, 'v1/b/config'))
      folderAt(join(base, 'v2/b/config'))
      symlinkSync('v1', join(base, 'a'))
      return join(base, 'a/b/config')
    },
    turn: base => {
      symlinkSync('v2', join(base, 'next'))
      renameSync(join(base, 'next'), join(base, 'a'))
    },
  },
  'the path is a link, and a folder on the way to its target is replaced': {
    arrange: base => {
      folderAt(join(base, 'far/b/c/config'))
      symlinkSync(join(base, 'far/b/../b/c/config'), join(base, 'config'))
      return join(base, 'config')
    },
    turn: base => {
      renameSync(join(base, 'far/b'), join(base, 'far/old'))
      folderAt(join(base, 'far/b/c/config'))
    },
  },
  'a file is a link, and a folder on the way to its target is replaced': {
    arrange: base => {
      folderAt(join(base, 'far/b/c'))
      const config = folderAt(join(base, 'config'))
      symlinkSync('../far/b/c/a.yaml', join(config, 'link.yaml'))
      return config
    },
    turn: base => {
      renameSync(join(base, 'far/b'), join(base, 'far/old'))
      folderAt(join(base, 'far/b/c'))
    },
  },
  'all ancestors are deleted, and made again': {
    arrange: base => folderAt(join(base, 'a/b/c/config')),
    turn: base => {
      rmSync(join(base, 'a'), { recursive: true })
      folderAt(join(base, 'a/b/c/config'))
    },
  },
  'no ancestor is there yet': {
    arrange: base => join(base, 'a/b/c/config'),
    turn: base => void folderAt(join(base, 'a/b/c/config')),
  },
}

function folderAt(folder: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'a.yaml'), 'one')
  return folder
}

test('whatever makes a path mean something else is noticed, and the new folder is watched on', {
  concurrency: true,
}, async t => {
  const each = ([what, { arrange, turn }]: (typeof cases)[number]) =>
    t.test(what, async t => {
      let path = ''
      const arranged = (base: string): void => {
        mkdirSync(base)
        path = arrange(base)
      }
      const { folder: base, changed } = await scene(t, arranged, () => path)
      const noticed = changed()
      turn(base)
      await noticed
      await pause(1_500) // until what has been noticed is not told again
      const again = changed()
      writeFileSync(join(path, 'b.yaml'), 'two')
      await again
    })
  const cases = Object.entries(turns)
  await Promise.all(cases.map(each))
})

/** Runs in a mount namespace of its own: prints what it hears of a folder that is mounted over. */
const MOUNTING = `
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { watchPaths } from '${new URL('../../src/source/files/watch.ts', import.meta.url)}'
const base = mkdtempSync(join(tmpdir(), 'weir-watch-'))
mkdirSync(join(base, 'a/config'), { recursive: true })
const watch = watchPaths([join(base, 'a/config')], async () => {
  console.log('noticed')
  await watch.close()
  spawnSync('umount', [join(base, 'a')])
  rmSync(base, { recursive: true })
}, error => { throw error })
await watch.begun
spawnSync('mount', ['-t', 'tmpfs', 'none', join(base, 'a')], { stdio: 'inherit' })
`

test('a mount over a folder above is noticed', t => {
  const isolated = (...words: string[]) =>
    spawnSync('unshare', ['-m', ...words], { encoding: 'utf8', timeout: 60_000 })
  if (isolated('mount', '-t', 'tmpfs', 'none', '/mnt').status !== 0) return t.skip('needs the right to mount')
  const { stdout, stderr } = isolated(process.execPath, '--input-type=module', '-e', MOUNTING)
  assert.equal(stdout, 'noticed\n', stderr)
})

test('where one file is watched, its neighbours are not', async t => {
  const { folder, changed, calls } = await scene(t, one, asFile)
  const neighbour = join(folder, 'neighbour.yaml')
  const other = Promise.withResolvers<void>()
  const watch = watchPaths([neighbour], other.resolve, error => assert.fail(error))
  await watch.begun
  t.after(() => watch.close())
  writeFileSync(neighbour, 'x')
  await other.promise
  assert.equal(calls(), 0)
  const noticed = changed()
  writeFileSync(join(folder, 'a.yaml'), 'two')
  await noticed
})
