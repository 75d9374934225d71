/**
 * Rollouts against real servers: one whose canary refuses one dial in ten, one that succeeds, and
 * others that are interrupted.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import type { Signal } from '../../../src/cli/env.ts'
import { splitting } from '../../admin/routes-kit.ts'
import { scene } from '../../admin/scene.ts'
import { folder } from '../../control/scene.ts'
import { freePort } from '../../support/sockets.ts'
import { type World, weir } from '../kit.ts'

const COMMENT = ' # the canary, see the wiki'
const CLIENTS = 4

const ends: (() => unknown)[] = []
after(async () => {
  for (const end of ends) await end()
})
let shared: ReturnType<typeof rolling> | null = null

/** The one gateway of all tests, with the file as it was at first. */
async function begin() {
  shared ??= rolling({ after: end => void ends.push(end as () => unknown) })
  const scene = await shared
  await scene.reset()
  return scene
}

async function rolling(t: Pick<TestContext, 'after'>) {
  const server: Server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.on('data', () => socket.end('gray'))
  })
  const gray = await freePort() // nobody else's while it is closed
  const listen = async (): Promise<void> => {
    server.listen(gray, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen()
  t.after(() => server.close())
  const where = await scene(t, (port, backend) =>
    splitting(100, 0)(port, backend)
      .replace(/(name: second}.*?targetPort: )\d+/s, `$1${gray}`)
      .replace('weight: 0}', `weight: 0}${COMMENT}`)
      .replace('annotations: {gateway.weir/split: exact}', 'annotations: {}'),
  )
  const file = join(where.root, 'a.yaml')
  const before = readFileSync(file, 'utf8')
  const reset = async (): Promise<void> => {
    if (!server.listening) await listen()
    where.save(before)
    await where.reload()
  }
  const close = () => new Promise<void>(resolve => server.close(() => resolve()))
  const visit = async (): Promise<void> => {
    const socket = connect(where.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('data', () => socket.end())
    socket.write('hello\n')
    await new Promise(resolve => socket.once('close', resolve))
  }
  /** A rollout beside clients that come until it ends. */
  const visited = async (
    words: readonly string[],
    world: World = {},
    between: () => Promise<unknown> = crowd,
  ) => {
    let isOver = false
    const said = weir(
      [
        ...['rollout', 'all', '--to', 'second.example', where.root, '--every', '200ms', '--least', '20'],
        ...['--admin', `127.0.0.1:${where.where.port}`, ...words],
      ],
      world,
    ).finally(() => {
      isOver = true
    })
    while (!isOver) await between()
    return await said
  }
  const crowd = async () => void (await Promise.all(Array.from({ length: CLIENTS }, visit)))
  return { ...where, file, before, reset, visited, crowd, visit, close, reopen: listen }
}

test('a rollout that succeeds moves all, step by step, and keeps comments, mode and link', async () => {
  const { file, before, root, visited, get } = await begin()
  const real = join(root, '.hidden', 'a.yaml')
  mkdirSync(join(root, '.hidden'))
  renameSync(file, real)
  symlinkSync(join('.hidden', 'a.yaml'), file)
  chmodSync(real, 0o640)
  const { out, code, err } = await visited(['--apply', '--steps', '20,50,100'])
  assert.deepEqual([code, err], [0, ''], out)
  assert.match(
    out,
    /^step 1 of 3: 20 % to second\.example\n(?: {2}waits .*\n)?(?: {2}waits .*\n)? {2}\d+ connections to it in .*\n {2}holds: dial-failures: 0 % .*\n {2}holds: resets: .*\n {2}holds: connect-p99: .*\nstep 2 of 3: 50 % [\s\S]*\ndone: 100 % to second\.example, in /,
  )
  assert.equal(
    readFileSync(file, 'utf8'),
    before.replace('weight: 100}', 'weight: 0}').replace(`weight: 0}${COMMENT}`, `weight: 100}${COMMENT}`),
  )
  assert.equal(statSync(real).mode & 0o7777, 0o640)
  assert.ok(lstatSync(file).isSymbolicLink())
  const { reloads } = (await get('/reloads')).body
  assert.deepEqual(
    reloads.slice(0, 3).map((each: { reason: string }) => each.reason),
    [3, 2, 1].map(
      step =>
        `rollout of default/all tcp[2]: step ${step} of 3: ${[20, 50, 100][step - 1]} % to second.example`,
    ),
  )
  const again = await visited(['--apply', '--steps', '20,50,100'])
  assert.deepEqual([again.code, again.out], [0, 'nothing to do: second.example has 100 % already\n'])
})

test('a canary that refuses one dial in ten is put back', async () => {
  const { file, before, visited, visit, close, reopen, get } = await begin()
  let count = 0
  const { out, code } = await visited(['--apply', '--steps', '50,100', '--least', '100000'], {}, async () => {
    const refuses = count++ % 10 === 0
    if (refuses) await close()
    await visit()
    if (refuses) await reopen()
  })
  assert.equal(code, 1, out)
  assert.match(
    out,
    /broken: dial-failures: [\d.]+ % \(surely more than [\d.]+ %\) of its dials fail; 0 % with the others: worse, sure\nput back: .*a\.yaml is as before, with weight 0 of 100 for second\.example\n$/,
  )
  assert.equal(readFileSync(file, 'utf8'), before)
  const { reloads } = (await get('/reloads')).body
  assert.match(reloads[0].reason, /put back, since dial-failures/)
})

test('what somebody else writes meanwhile stays, and is told', async () => {
  const { file, before, visited, crowd, save } = await begin()
  const foreign = before.replace('weight: 0}', 'weight: 3}')
  const between = async () => {
    await crowd()
    if (readFileSync(file, 'utf8').includes('weight: 20}')) save(foreign)
  }
  const { out, code } = await visited(['--apply', '--steps', '20,50', '--every', '1h'], {}, between)
  assert.equal(code, 1)
  assert.match(
    out,
    /\nstopped: somebody else has changed .*a\.yaml, and nothing is put back over that; it has weight 3 of 103 for second\.example now\. This rollout left weight 20 of 100 .*; before it was weight 0 of 100 for second\.example\n$/,
  )
  assert.equal(readFileSync(file, 'utf8'), foreign)
})

test('Ctrl-C says what the file has, and the same command goes on from there', async () => {
  const { file, visited, crowd } = await begin()
  let signal: (name: Signal) => void = () => {}
  const world: World = {
    onReady: send => {
      signal = send
    },
  }
  const between = async () => {
    await crowd()
    if (readFileSync(file, 'utf8').includes('weight: 40}')) signal('SIGINT')
  }
  const { out, code } = await visited(['--apply', '--steps', '20,40'], world, between)
  assert.equal(code, 1)
  assert.match(
    out,
    /\nstopped at step 2 of 2: 40 % to second\.example: .*a\.yaml has weight 40 of 100 for second\.example; before it was weight 0 of 100 for second\.example\. The same command goes on from there\n$/,
  )
  const on = await visited(['--apply', '--steps', '20,40'])
  assert.equal(on.code, 0, on.out)
  assert.match(on.out, /^step 1 of 1: 40 % to second\.example\n/)
})

test('without --apply each patch waits to be served, and a guard prints the one back', async () => {
  const { file, before, root, visited, close, save } = await begin()
  execFileSync('git', ['init', '--quiet', root])
  let patches = 0
  /** Applies what was printed, as a GitOps user does. */
  const onOut = (text: string): void => {
    if (!text.startsWith('--- a/')) return
    patches++
    execFileSync('git', ['apply', '-'], { cwd: root, input: text })
    const changed = readFileSync(file, 'utf8')
    save(changed)
    if (changed.includes('weight: 40}')) void close()
  }
  const { out, code } = await visited(['--steps', '20,40'], { onOut })
  assert.equal(code, 1, out)
  assert.match(out, /^step 1 of 2: 20 % to second\.example\n--- a\/a\.yaml\n/)
  assert.match(out, /\n {2}broken: dial-failures: .*\nto put it back:\n--- a\//)
  assert.equal(readFileSync(file, 'utf8'), before)
  assert.equal(patches, 3)
})

test('wrong words are named before anybody is asked', async t => {
  const route = (a: string, b: string): string =>
    `    - route: [{destination: {host: ${a}}, weight: 1}, {destination: {host: ${b}, subset: s}, weight: 2}]\n`
  const root = folder(t, {
    'a.yaml': `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo}\nspec:\n  tcp:\n${route('a', 'b')}${route('a', 'c')}    - route: [{destination: {host: d}}]\n    - route: [{destination: {host: a}}]\n  tls:\n${route('a', 'b')}`,
  })
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['other', '--to', 'a'], /no VirtualService default\/other .*; there are default\/echo\n/],
    [
      ['echo', '--to', 'x'],
      /--to x: no route of default\/echo has this destination; there are a, b\/s, c\/s, d\n/,
    ],
    [['echo', '--to', 'b'], /--to b: no route/],
    [
      ['echo', '--to', 'a'],
      /--to a: several routes .*: say which with --route tcp\[0\], or tcp\[1\], or tls\[0\]\n/,
    ],
    [['echo', '--to', 'a', '--route', '0'], /several routes .* tcp\[0\], or tls\[0\]\n/],
    [
      ['echo', '--to', 'a', '--route', '7'],
      /--route 7: .*it has tcp\[0\], tcp\[1\], tcp\[2\], tcp\[3\], tls\[0\]\n/,
    ],
    [['echo', '--to', 'd'], /--to d: it is the only destination of default\/echo tcp\[2\]\n/],
    [['echo', '--to', 'a', '--route', 'x'], /index of a route, like 1 or tls\[1\]/],
    [['echo', '--to', 'a', '--steps', '5,x'], /"x" is no whole number from 1 to 100/],
    [['echo', '--to', 'a', '--steps', '20,5'], /5 is not more than 20/],
    [
      ['echo', '--to', 'a', '--guard', 'resets,latency'],
      /"latency" is none of dial-failures, resets, connect-p99/,
    ],
    [['echo', '--to', 'a', '--guard', 'resets=lots'], /resets: "lots" is no share like 1%/],
    [['echo', '--to', 'a', '--guard', 'connect-p99=20'], /connect-p99: "20" is no duration like 20ms/],
    [['echo', '--to', 'a', '--guard', 'resets,resets=1%'], /resets is given twice/],
    [['echo', '--to', 'a', '--every', '0s'], /more than 0/],
    [['echo'], /--to/],
  ]
  for (const [words, reason] of cases) {
    const { code, err } = await weir(['rollout', ...words, ...(words.length > 1 ? [root] : [])])
    assert.match(err, reason, words.join(' '))
    assert.equal(code, 2, words.join(' '))
  }
  const none = await weir([
    'rollout',
    'echo',
    '--to',
    'a',
    '--route',
    'tls[0]',
    root,
    '--admin',
    '127.0.0.1:1',
  ])
  assert.deepEqual([none.code, none.err.startsWith('error: no gateway answers')], [1, true])
})
