/**
 * Goal: lines are complete in the file of that name, whoever renames it; a full pipe, or one
 * without a reader, costs only lines, which are counted. Method: real files and pipes.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Sink } from '../../src/access-log/sink.ts'
import { folder } from '../control/scene.ts'

function scene(t: TestContext) {
  const root = folder(t)
  const path = join(root, 'access.log')
  const read = (name = 'access.log') => readFileSync(join(root, name), 'utf8')
  return { root, path, read }
}

const line = (text: string) => Buffer.from(`${text}\n`)

test('it adds to the file that is there, which only its user may write and its group read', t => {
  const { path, read } = scene(t)
  new Sink(path).write(line('one'))
  new Sink(path).write(line('two'))
  assert.equal(read(), 'one\ntwo\n')
  assert.equal(statSync(path).mode & 0o027, 0)
})

test('a file that was renamed or removed is followed by a new one of its name', t => {
  const { root, path, read } = scene(t)
  const sink = new Sink(path)
  sink.write(line('one'))
  sink.follow()
  renameSync(path, join(root, 'old'))
  sink.write(line('two'))
  sink.follow()
  sink.write(line('three'))
  rmSync(path)
  sink.follow()
  sink.write(line('four'))
  assert.deepEqual([read('old'), read()], ['one\ntwo\n', 'four\n'])
  renameSync(path, join(root, 'older'))
  sink.reopen()
  sink.write(line('five'))
  assert.deepEqual([read('older'), read(), sink.lost], ['four\n', 'five\n', 0])
})

test('what cannot be written is counted by lines, and tried again', t => {
  const { root } = scene(t)
  const path = join(root, 'later', 'access.log')
  const sink = new Sink(path)
  assert.equal(sink.trouble?.code, 'ENOENT')
  sink.write(Buffer.from('one\ntwo\n'))
  assert.equal(sink.lost, 2)
  mkdirSync(join(root, 'later'))
  sink.write(line('three'))
  assert.deepEqual([sink.lost, sink.trouble, readFileSync(path, 'utf8')], [2, null, 'three\n'])
})

test('a full disk is told, and no reason to end', { skip: !hasFullDevice() }, () => {
  const sink = new Sink('/dev/full')
  sink.write(Buffer.from('one\ntwo\n'))
  assert.deepEqual([sink.trouble?.code, sink.lost], ['ENOSPC', 2])
})

test('a line that the disk had room for only in part is ended before the next one', {
  skip: !hasPrlimit(),
}, t => {
  const { path, read } = scene(t)
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`])
  const survive = () => {}
  process.on('SIGXFSZ', survive) // with it a write beyond the limit is EFBIG
  t.after(() => process.off('SIGXFSZ', survive))
  const sink = new Sink(path)
  limit('10')
  try {
    sink.write(Buffer.from('one\ntwo\nthree\nfour\n'))
    sink.write(line('five'))
  } finally {
    limit('unlimited')
  }
  assert.deepEqual([sink.trouble?.code, sink.lost], ['EFBIG', 3])
  sink.write(line('six'))
  sink.write(line('seven'))
  assert.deepEqual([sink.trouble, sink.lost, read()], [null, 3, 'one\ntwo\nth\nsix\nseven\n'])
  sink.close()
})

test('a named pipe without a reader is not waited for', t => {
  const { path } = scene(t)
  execFileSync('mkfifo', [path])
  const sink = new Sink(path)
  assert.equal(sink.trouble?.code, 'ENXIO')
  sink.write(line('nobody hears'))
  assert.equal(sink.lost, 1)
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  sink.write(line('heard'))
  const got = Buffer.alloc(64)
  assert.equal(got.toString('utf8', 0, readSync(reader, got)), 'heard\n')
  assert.equal(sink.lost, 1)
  sink.close()
})

function hasPrlimit(): boolean {
  try {
    return execFileSync('prlimit', ['--fsize', '--noheadings']).length > 0
  } catch {
    return false
  }
}

function hasFullDevice(): boolean {
  try {
    return statSync('/dev/full').isCharacterDevice()
  } catch {
    return false
  }
}
