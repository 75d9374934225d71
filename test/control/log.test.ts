import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../../src/control/observe/log.ts'

function lines(format: 'json' | 'text', colours = false) {
  const written: string[] = []
  return { log: createLog(line => written.push(line), { format, colours }), written }
}

test('machines get one JSON object a line, with the level as a word', () => {
  const { log, written } = lines('json')
  log.warn({ generation: 3 }, 'kept')
  const { time, ...rest } = JSON.parse(written[0])
  assert.deepEqual(rest, { level: 'warn', generation: 3, msg: 'kept' })
  assert.ok(!Number.isNaN(Date.parse(time)))
})

test('people get the time, the level and the message', () => {
  const { log, written } = lines('text')
  log.info({ generation: 3 }, 'kept')
  assert.match(written[0], /^\d\d:\d\d:\d\d info {2}kept\n$/)
})

test('people get the stack of a failure', () => {
  const { log, written } = lines('text')
  log.error({ err: new Error('broken') }, 'a worker died')
  assert.match(written[0], /a worker died\nError: broken\n {4}at /)
})

test('colours are there only when asked for', () => {
  const { log, written } = lines('text', true)
  log.error('broken')
  assert.ok(written[0].includes('\u001b[31merror\u001b[39m'))
})
