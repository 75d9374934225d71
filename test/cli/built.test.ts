/**
 * Which code runs: dist if it was made of the present files, else the source. And a stack names the
 * source.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
// @ts-expect-error: plain JavaScript
import { isBuilt as untyped } from '../../src/cli/built.js'
import { folder } from '../control/scene.ts'

const isBuilt: (root: URL, env?: Readonly<Record<string, string>>) => boolean = untyped
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const STACKS = join(ROOT, 'src/cli/build/stacks.js')

test('a file that was edited, replaced or removed since counts at once', t => {
  const path = folder(t, { 'src/a.ts': 'let a = 1', 'src/b.ts': 'let b = 1', 'dist/inputs.json': '' })
  const root = pathToFileURL(`${path}/`)
  const [a, b] = ['src/a.ts', 'src/b.ts'].map(name => join(path, name))
  const build = () => {
    const inputs = [a, b].map(file => [file, statSync(file).size, statSync(file).mtimeMs])
    writeFileSync(join(path, 'dist/inputs.json'), JSON.stringify(inputs))
  }
  const built = () => isBuilt(root, {})
  assert.equal(built(), false, 'no list')
  build()
  assert.equal(built(), true)
  assert.equal(isBuilt(root, { WEIR_FROM_SOURCE: '1' }), false)
  const { atime, mtime } = statSync(b)
  writeFileSync(b, 'let b = 22')
  utimesSync(b, atime, mtime)
  assert.equal(built(), false, 'another size')
  writeFileSync(b, 'let b = 2')
  utimesSync(b, atime, new Date(mtime.getTime() - 60_000))
  assert.equal(built(), false, 'an older file of the same size')
  build()
  assert.equal(built(), true)
  rmSync(a)
  assert.equal(built(), false)
})

test('a stack of what was bundled names the line of the source', t => {
  const path = folder(t, {
    'src/fails.ts': `type Unused = {
  readonly a: 1
}

export function fails(): never {
  throw new TypeError('on purpose')
}
`,
    'src/main.ts': `import { fails } from './fails.ts'\nconst late = setTimeout(fails, 0)\nlate.ref()\n`,
  })
  const { buildSync } = createRequire(import.meta.url)('esbuild')
  buildSync({
    absWorkingDir: path,
    entryPoints: { 'entries/main': 'src/main.ts' },
    outdir: 'dist',
    bundle: true,
    format: 'esm',
    platform: 'node',
    inject: [STACKS],
    sourcemap: 'external',
    sourcesContent: false,
  })
  const main = join(path, 'dist/entries/main.js')
  assert.ok(existsSync(main))
  const { stderr } = spawnSync(process.execPath, [main], { encoding: 'utf8' })
  const place = `${pathToFileURL(join(path, 'src/fails.ts'))}:6:9`
  assert.ok(stderr.includes(`TypeError: on purpose\n    at Timeout.fails`), stderr)
  assert.ok(stderr.includes(place), stderr)
})
