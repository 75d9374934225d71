import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FILE_BYTES_MAX } from '../../src/config/text/limits.ts'
import { readFiles, restedMs } from '../../src/source/files/files.ts'

function folder(t: TestContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'weir-files-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

const names = (root: string, paths: string[]): string[] =>
  readFiles({ paths }).map(each => relative(root, each.file))

test('a folder stands for its YAML and JSON files, sorted by name, not for those of folders inside it', t => {
  const root = folder(t, { 'b.yaml': 'b', 'a.yml': 'a', 'c/d.json': 'd', 'c/b.YAML': 'e', 'notes.txt': 'no' })
  assert.deepEqual(names(root, [root]), ['a.yml', 'b.yaml'])
  assert.deepEqual(names(root, [root, join(root, 'c')]), ['a.yml', 'b.yaml', 'c/b.YAML', 'c/d.json'])
  assert.equal(Buffer.from(readFiles({ paths: [root] })[0].bytes as Uint8Array).toString(), 'a')
})

test('hidden files and what editors leave behind are passed over', t => {
  const files = [
    '.a.yaml',
    '.a.yaml.swp',
    'a.yaml~',
    '#a.yaml#',
    '.#a.yaml',
    '.git/x.yaml',
    'a.yaml.swp',
    'a.yaml',
  ]
  const root = folder(t, Object.fromEntries(files.map(name => [name, 'x'])))
  assert.deepEqual(names(root, [root]), ['a.yaml'])
})

test('a ConfigMap mount is read once, through its links', t => {
  const root = folder(t, { '..2026_01/a.yaml': 'now' })
  symlinkSync('..2026_01', join(root, '..data'))
  symlinkSync('..data/a.yaml', join(root, 'a.yaml'))
  assert.deepEqual(names(root, [root]), ['a.yaml'])
})

test('a file that two paths lead to is read once, and a loop of links ends', t => {
  const root = folder(t, { 'a.yaml': 'x' })
  symlinkSync(root, join(root, 'loop'))
  symlinkSync('a.yaml', join(root, 'b.yaml'))
  assert.deepEqual(names(root, [root, join(root, 'a.yaml'), root]), ['a.yaml'])
})

test('a named file may have any name', t => {
  const root = folder(t, { 'rules.conf': 'x' })
  assert.deepEqual(names(root, [join(root, 'rules.conf')]), ['rules.conf'])
})

test('what is not there, hangs in the air or is too large comes back as an Error beside its name', t => {
  const root = folder(t, { 'big.yaml': '' })
  truncateSync(join(root, 'big.yaml'), FILE_BYTES_MAX + 1)
  symlinkSync('nowhere', join(root, 'dangling.yaml'))
  const found = readFiles({ paths: [root, join(root, 'missing')] })
  assert.deepEqual(
    found.map(each => relative(root, each.file)),
    ['big.yaml', 'dangling.yaml', 'missing'],
  )
  for (const each of found) assert.ok(each.bytes instanceof Error, each.file)
})

test('paths have rested since the last of their files and folders was written; times to come do not count', t => {
  const root = folder(t, { 'a.yaml': 'a', 'b.yaml': 'b', 'c.yaml': 'c', 'notes.txt': 'no' })
  const age = (name: string, seconds: number) =>
    utimesSync(join(root, name), new Date(), new Date(Date.now() - seconds * 1000))
  assert.ok(restedMs({ paths: [root] }) < 60_000)
  for (const [name, seconds] of Object.entries({ 'a.yaml': 900, 'b.yaml': 600, 'c.yaml': -600, '.': 1200 }))
    age(name, seconds)
  assert.equal(Math.round(restedMs({ paths: [root] }) / 60_000), 10)
  age('.', 300)
  assert.equal(Math.round(restedMs({ paths: [root] }) / 60_000), 5)
  assert.equal(restedMs({ paths: [join(root, 'missing')] }), Number.POSITIVE_INFINITY)
})
