/** Every way in which a file gets saved must be noticed; that one burst gives one call is in debounce.test.ts. */

import assert from 'node:assert/strict'
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
import { watchPaths } from '../../src/control/watch.ts'

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
  const watch = await watchPaths([choose(folder)], onChange, error => assert.fail(error))
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

test('where one file is watched, its neighbours are not', async t => {
  const { folder, changed, calls } = await scene(t, one, asFile)
  const neighbour = join(folder, 'neighbour.yaml')
  const other = Promise.withResolvers<void>()
  const watch = await watchPaths([neighbour], other.resolve, error => assert.fail(error))
  t.after(() => watch.close())
  writeFileSync(neighbour, 'x')
  await other.promise
  assert.equal(calls(), 0)
  const noticed = changed()
  writeFileSync(join(folder, 'a.yaml'), 'two')
  await noticed
})
