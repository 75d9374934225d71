/** The timeline of reloads: /reloads, the log, the command with commits, and over a restart. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Gateway } from '../../src/control/gateway.ts'
import { weir } from '../cli/kit.ts'
import { ask, folder, moveIn, watchedLog } from '../control/scene.ts'
import { THREADS } from '../support/threads.ts'
import { splitting } from './routes-kit.ts'
import { type Scene, scene } from './scene.ts'

/** Until the last reload is known to have changed a rule. */
async function changedRules({ get }: Scene) {
  for (;;) {
    const [last] = (await get('/reloads?limit=1')).body.reloads
    if (last.did !== null && last.did.rules.length > 0) return last
  }
}

const GIT = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }

/** A repository in `root` whose file a.yaml had these texts, a commit each. */
function checkout(root: string, texts: readonly string[]) {
  const git = (words: readonly string[], input = '') =>
    execFileSync('git', words, { cwd: root, env: { ...process.env, ...GIT }, encoding: 'utf8', input })
  git(['init', '-q'])
  const commits = texts.map((text, index) => {
    const who = `Ann ${index + 1} <ann@example.com> ${1_700_000_000 + index} +0000`
    const subject = `edit ${index + 1}`
    return `commit refs/heads/main\nmark :${index + 1}\nauthor ${who}\ncommitter ${who}\ndata ${subject.length}\n${subject}\nM 100644 inline a.yaml\ndata ${Buffer.byteLength(text)}\n${text}\n`
  })
  git(['fast-import', '--quiet'], commits.join(''))
  git(['symbolic-ref', 'HEAD', 'refs/heads/main'])
  const hashes = git(['rev-list', '--reverse', 'main']).trim().split('\n')
  const trap = join(root, 'trap')
  writeFileSync(trap, `#!/bin/sh\ntouch ${join(root, 'sprung')}\n`, { mode: 0o755 })
  const keys = ['fsmonitor', 'pager', 'hooksPath'].map(name => `core.${name}`)
  const config = [...keys, 'diff.external', 'gpg.program'].map(key => {
    const [section, name] = key.split('.')
    return `[${section}]\n\t${name} = ${trap}\n`
  })
  appendFileSync(join(root, '.git/config'), `${config.join('')}[log]\n\tshowSignature = true\n`)
  return { hashes, isSprung: () => existsSync(join(root, 'sprung')) }
}

async function edited(t: TestContext) {
  const where = await scene(t, splitting(80, 20))
  const { root, port, backend, reload } = where
  const save = async (first: number) => {
    moveIn(root, 'a.yaml', splitting(first, 100 - first)(port, backend))
    return await reload()
  }
  const told = (...words: string[]) => weir([...words, '--admin', `127.0.0.1:${where.where.port}`])
  return { ...where, weights: save, told }
}

test('twenty edits in a git checkout: each reload has its values, its commit, and what it did', async t => {
  const where = await edited(t)
  const { root, port, backend, weights, told, logged } = where
  const edits = Array.from({ length: 20 }, (_, index) => 80 - (index + 1))
  const { hashes, isSprung } = checkout(
    root,
    edits.map(first => splitting(first, 100 - first)(port, backend)),
  )
  for (let count = 0; count < 10; count++) await ask(port)
  for (const first of edits) await weights(first)
  const last = await changedRules(where)
  assert.equal(last.did.rules[0].was.route, 2)
  for (let count = 0; count < 4; count++) await ask(port)
  await logged('default/all tcp[2] (')
  const { out, code } = await told('reloads', '--limit', '20')
  assert.equal(code, 0)
  const blocks = out.split('\n\n')
  assert.equal(blocks.length, 20)
  for (const [index, block] of blocks.entries()) {
    const edit = 20 - index
    const lines = block.trimEnd().split('\n')
    assert.match(
      lines[0],
      new RegExp(`^reload ${edit + 1}  taken .* ago \\(2.*Z\\), generation ${edit + 1}$`),
    )
    assert.match(
      lines[1],
      new RegExp(
        `^  commit  ${hashes[edit - 1].slice(0, 12)} by Ann ${edit}, .*: edit ${edit}  \\(.*a\\.yaml\\)$`,
      ),
    )
    assert.match(lines[2], /^ {2}~ default\/all tcp\[2\] {2}.*a\.yaml:\d+$/)
    assert.match(lines[3], new RegExp(`any → ${81 - edit} % backend\\.example:9000, ${19 + edit} % second`))
    assert.match(lines[4], new RegExp(`any → ${80 - edit} % backend\\.example:9000, ${20 + edit} % second`))
  }
  assert.match(
    blocks[19],
    /\n {4}before {2}10 connections in .* 0 % of dials failed.*; 80 % backend\.example:9000, 20 % second/,
  )
  assert.match(blocks[0], /\n {4}after {3}4 connections in /)
  assert.equal(isSprung(), false, 'nothing that the repository names was run')
  const one = await told('reloads', '--rule', 'default/other')
  assert.equal(one.out, '')
})

test('a reload says why it was asked for; what was never committed has no commit', async t => {
  const where = await edited(t)
  const { root, port, backend, told } = where
  moveIn(root, 'a.yaml', splitting(50, 50)(port, backend))
  assert.equal((await told('reload', '--reason', 'a canary for Ann')).code, 0)
  const last = await changedRules(where)
  assert.equal(last.reason, 'a canary for Ann')
  const { out } = await told('reloads', '--rule', 'default/all tcp[2]')
  assert.match(out, /^reload 2 .*\n {2}reason {2}a canary for Ann\n {2}files {3}.*a\.yaml\n/)
})

test('the history goes on after a restart, where a folder keeps it', async t => {
  const kept = join(folder(t), 'history')
  const text = (first: number) => (port: number, backend: number) =>
    splitting(first, 100 - first)(port, backend).replace(
      'admin: null',
      `admin: null, reload: {history: ${kept}}`,
    )
  const where = await scene(t, text(80))
  const { root, port, backend, gateway, reload } = where
  moveIn(root, 'a.yaml', text(60)(port, backend))
  await reload()
  await changedRules(where)
  await ask(port)
  await gateway.stop()
  const { log, logged } = watchedLog()
  const next = await Gateway.load({ paths: [root], overrides: {}, log, threads: THREADS })
  assert.ok(next)
  t.after(() => next.stop())
  await next.serve()
  await logged('every listener accepts')
  const shown = next.history.shown(9, () => [])
  assert.deepEqual(
    shown.map(({ number, generation, outcome }) => [number, generation, outcome]),
    [
      [3, 1, 'taken'],
      [2, 2, 'taken'],
      [1, 1, 'taken'],
    ],
  )
  const [, before] = shown
  assert.equal(before.did?.rules[0].periodAfter?.connections, 1)
  writeFileSync(join(kept, 'reloads.json'), 'nonsense')
  await next.stop()
  assert.equal(JSON.parse(readFileSync(join(kept, 'reloads.json'), 'utf8')).reloads.length, 3)
})
