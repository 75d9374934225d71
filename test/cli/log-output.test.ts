/** A log that cannot be written is lost, and told of; nothing else. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Output } from '../../src/cli/env.ts'
import { type LostLines, logOutput } from '../../src/cli/log-output.ts'
import { ask, echo, folder, routing } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'

const WEIR = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))
const FULL = '/dev/full'

test('lines that a full disk refuses are counted, and told of once there is room', () => {
  const kept: string[] = []
  let isFull = false
  const stdout: Pick<Output, 'write' | 'waiting'> = {
    waiting: 0,
    write: (text, done) => {
      if (!isFull) kept.push(text)
      done?.(isFull ? Object.assign(new Error('no space'), { code: 'ENOSPC' }) : null)
    },
  }
  const write = logOutput(stdout, ({ lines, why }: LostLines) => write(`lost ${lines} ${why}`))
  write('1')
  isFull = true
  write('2')
  write('3')
  isFull = false
  write('4') // on a line of its own: the kernel may have taken a part of the last one
  write('5')
  assert.deepEqual(kept, ['1', '\n4', 'lost 2 ENOSPC', '5'])
})

test('lines of which nobody could be told are told of later', () => {
  const kept: string[] = []
  let room = 1
  const stdout: Pick<Output, 'write' | 'waiting'> = {
    waiting: 0,
    write: (text, done) => {
      const error = room-- > 0 ? null : Object.assign(new Error('no space'), { code: 'ENOSPC' })
      if (!error) kept.push(text)
      done?.(error)
    },
  }
  const write = logOutput(stdout, ({ lines }: LostLines) => write(`lost ${lines}`))
  for (const line of ['1', '2', '3']) write(line)
  room = 1 // but none for what tells of them
  write('4')
  room = 3
  write('5')
  write('6')
  assert.deepEqual(kept, ['1', '\n4', '\n5', 'lost 2', '6'])
})

test('lines beyond a mebibyte that nobody reads are counted, and told of once somebody does', () => {
  const kept: string[] = []
  const dones: (() => void)[] = []
  const stdout = {
    waiting: 0,
    write: (text: string, done?: (error: null) => void) => {
      kept.push(text)
      dones.push(() => done?.(null))
    },
  }
  const write = logOutput(stdout, ({ lines, why }) => write(`lost ${lines}: ${why}`))
  write('1')
  stdout.waiting = 2 ** 20 + 1
  write('2')
  write('3')
  dones[0]() // a short line: what waits behind it is still too much
  assert.deepEqual(kept, ['1'])
  stdout.waiting = 0
  write('4')
  dones[1]()
  dones[2]()
  write('5')
  assert.deepEqual(kept, ['1', '4', 'lost 2: its reader has stopped', '5'])
})

test('a gateway serves without a log, and a command without output fails', async t => {
  const port = await freePort()
  const root = folder(t, { 'a.yaml': routing(port, await echo(t, 'hello')) })
  const child = spawn(process.execPath, [WEIR, 'run', root], {
    stdio: ['ignore', openSync(FULL, 'w'), 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const { status, stderr } = spawnSync(process.execPath, [WEIR, 'check', root], {
    stdio: ['ignore', openSync(FULL, 'w'), 'pipe'],
  })
  assert.match(String(stderr), /^error: the output is not complete: ENOSPC/)
  assert.equal(status, 1)
  while ((await ask(port).catch(() => '')) !== 'hello test') await pause(3)
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
})
