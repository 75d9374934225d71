import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Names } from '../../src/source/names.ts'

function scene(t: TestContext, answers: Record<string, string[]>) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const failed: string[] = []
  let changes = 0
  const names = new Names({
    lookup: async name => answers[name] ?? Promise.reject(new Error('ENOTFOUND')),
    onChange: () => changes++,
    onFailure: name => failed.push(name),
  })
  t.after(() => names.close())
  const minute = async () => {
    t.mock.timers.tick(60_000)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { names, failed, changes: () => changes, minute }
}

test('names are asked for when they are new, and a new answer is told once', async t => {
  const { names, changes, minute } = scene(t, { a: ['10.0.0.1'], b: ['10.0.0.2'] })
  await names.follow(['a'])
  assert.deepEqual([...names.known], [['a', ['10.0.0.1']]])
  assert.equal(changes(), 1)
  await minute()
  assert.equal(changes(), 1)
  await names.follow(['b', 'a'])
  assert.deepEqual([...names.known.keys()], ['a', 'b'])
  assert.equal(changes(), 2)
})

test('once a minute they are asked for again', async t => {
  const answers = { a: ['10.0.0.1'] }
  const { names, changes, minute } = scene(t, answers)
  await names.follow(['a'])
  answers.a = ['10.0.0.9']
  await minute()
  assert.deepEqual(names.known.get('a'), ['10.0.0.9'])
  assert.equal(changes(), 2)
})

test('a name that fails keeps its last answer', async t => {
  const answers: Record<string, string[]> = { a: ['10.0.0.1'] }
  const { names, failed, changes, minute } = scene(t, answers)
  await names.follow(['a', 'never'])
  delete answers.a
  await minute()
  assert.deepEqual([...names.known], [['a', ['10.0.0.1']]])
  assert.deepEqual(failed, ['never', 'a', 'never'])
  assert.equal(changes(), 1)
})

test('a name that nobody wants any more is forgotten', async t => {
  const { names } = scene(t, { a: ['10.0.0.1'] })
  await names.follow(['a'])
  await names.follow([])
  assert.equal(names.known.size, 0)
})
