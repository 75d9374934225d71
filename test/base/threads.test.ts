/** Threads that run tasks: a thread that cannot be loaded is reported, and nobody waits for it. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Threads, type ThreadsOptions } from '../../src/base/threads.ts'
import { folder } from '../control/scene.ts'

const NONE = new URL('./there-is-none.ts', import.meta.url).href

/** The task says what to do. */
const OBEYS = `export default async what => {
  if (what === 'throw') throw new Error('as told')
  if (what === 'exit') process.exit(3)
  if (what === 'wait') await new Promise(() => setInterval(() => {}, 1_000))
  return what
}`

function threads(t: TestContext, options: Partial<ThreadsOptions> & { readonly text?: string }) {
  const { text, ...rest } = options
  const file = join(folder(t), 'task.mjs')
  if (text !== undefined) writeFileSync(file, text)
  const made = new Threads<string, string>({ module: pathToFileURL(file).href, least: 0, most: 1, ...rest })
  t.after(() => made.close())
  return made
}

for (const least of [0, 1, 2])
  test(`a module that is not there fails each task, with ${least} threads started before`, async t => {
    const none = threads(t, { module: NONE, least, most: 2 })
    for (let attempt = 0; attempt < 3; attempt++)
      await assert.rejects(Promise.all([none.run('a'), none.run('b')]), /there-is-none/)
  })

test('a module that ends its thread while it is loaded fails its task', async t => {
  const ended = threads(t, { text: 'process.exit(3)' })
  await assert.rejects(ended.run('a'), /ended before it began/)
  const atOnce = threads(t, { text: 'process.exit(3)', least: 1 })
  await assert.rejects(atOnce.run('a'), /exited with code: 3/)
  await assert.rejects(atOnce.run('a'), /ended before it began/)
})

test('what waits for a thread gets another when that one ends', async t => {
  const one = threads(t, { text: OBEYS })
  const given = new AbortController()
  const waiting = one.run('wait', { signal: given.signal })
  const next = one.run('next')
  given.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  assert.equal(await next, 'next')
  await assert.rejects(one.run('exit'), /exited with code: 3/)
  assert.equal(await one.run('after'), 'after')
})

test('while others work, the task without a thread fails alone', async t => {
  const two = threads(t, { text: `globalThis.first ??= 1\n${OBEYS}`, most: 2 })
  const given = new AbortController()
  const working = two.run('wait', { signal: given.signal })
  assert.equal(await two.run('second'), 'second')
  await assert.rejects(two.run('throw'), /as told/)
  assert.equal(await two.run('third'), 'third')
  given.abort()
  await assert.rejects(working, { name: 'AbortError' })
})

test('threads that are lent outlive who used them', async t => {
  const lent = threads(t, { text: `let count = 0\nexport default () => ++count`, lent: true })
  assert.equal(await lent.run(''), 1)
  await lent.close()
  assert.equal(await lent.run(''), 2)
})
