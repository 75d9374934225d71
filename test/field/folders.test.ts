/**
 * Folders as people keep them, and a gateway that has nothing to serve, at its start or after a
 * reload.
 */

import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { call } from '../admin/kit.ts'
import { weir } from '../cli/kit.ts'
import { ask, echo, folder, routing } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'

const NOTE = 'apiVersion: apps/v1\nkind: Deployment\nspec: {}\n'

test('a check that has read no resource fails, and names what lies below', async t => {
  const root = folder(t, { 'sub/broken.yaml': 'kind: {', 'sub/deep/a.yml': NOTE })
  for (const strict of [[], ['--strict']]) {
    const { code, out } = await weir(['check', ...strict, root])
    assert.equal(code, 1)
    assert.match(out, /error CFG014: no resource found/)
    assert.match(
      out,
      /warning CFG015: 2 YAML files in subfolders are not read: \S+sub\/broken\.yaml, \S+sub\/deep\/a\.yml\n/,
    )
    assert.match(out, /add -R/)
  }
  const json = JSON.parse((await weir(['check', root, '-o', 'json'])).out)
  assert.deepEqual([json.valid, json.errors, json.warnings], [false, 1, 1])
})

test('so does one of an empty folder, an empty file, and nothing on standard input', async t => {
  const root = folder(t, { 'empty/.keep': '', 'comments/a.yaml': '# nothing\n---\n' })
  const empty = await weir(['check', join(root, 'empty')])
  assert.deepEqual([empty.code, empty.out.startsWith(`${root}/empty:1:1: error CFG014`)], [1, true])
  assert.equal((await weir(['check', join(root, 'comments')])).code, 1)
  assert.equal((await weir(['check', '-'], { stdin: '' })).code, 1)
  const { code, err } = await weir(['explain', join(root, 'empty'), '--to', ':1'])
  assert.equal(code, 1)
  assert.match(err, /CFG014/)
})

test('kinds that weir ignores count as read', async t => {
  const root = folder(t, { 'a.yaml': NOTE })
  const { code, out } = await weir(['check', root])
  assert.equal(code, 0)
  assert.match(out, /0 errors, 0 warnings, 1 note/)
})

test('YAML that is not read is a warning beside what is read, and no more with -R', async t => {
  const root = folder(t, {
    'a.yaml': routing(9000, 9001),
    'sub/a.yaml': NOTE,
    'sub/b.yaml': NOTE,
    'sub/c.yaml': NOTE,
    'sub/d.yaml': NOTE,
    'sub/notes.txt': 'x',
    '.git/x.yaml': 'x',
    'boards/panel.json': '{}',
  })
  const flat = await weir(['check', root])
  assert.equal(flat.code, 0)
  assert.match(flat.out, /CFG015: 4 YAML files .*sub\/a\.yaml, \S+sub\/b\.yaml, \S+sub\/c\.yaml, …\n/)
  assert.match(flat.out, /0 errors, 1 warning in 1 file/)
  rmSync(join(root, 'boards'), { recursive: true })
  const deep = await weir(['check', '-R', root])
  assert.match(deep.out, /0 errors, 0 warnings, 4 notes/)
  const explained = await weir(['explain', root, '--gateway', 'edge', '--to', ':9000'])
  assert.equal(explained.code, 0)
  assert.match(explained.err, /warning CFG015: 4 YAML files/)
})

test('a folder with Settings of its own is another configuration, and no mistake', async t => {
  const settings = 'apiVersion: gateway.weir/v1\nkind: Settings\n'
  const root = folder(t, {
    'a.yaml': routing(9000, 9001),
    'examples/one/rules.yaml': NOTE,
    'examples/one/settings.yaml': `# mine\n${settings}`,
  })
  assert.equal((await weir(['check', root])).out, '0 errors, 0 warnings\n')
  // Without Settings above it, it is what was meant.
  writeFileSync(join(root, 'a.yaml'), NOTE)
  assert.match((await weir(['check', root])).out, /CFG015: 2 YAML files/)
  rmSync(join(root, 'a.yaml'))
  assert.match((await weir(['check', root])).out, /CFG014(.*\n)+.*CFG015: 2 YAML files/)
})

test('a chart of Helm and a base of kustomize are no mistake either', async t => {
  const root = folder(t, {
    'a.yaml': routing(9000, 9001),
    'chart/Chart.yaml': 'apiVersion: v2\nname: a\n',
    'chart/templates/a.yaml': NOTE,
    'base/kustomization.yaml': 'kind: Kustomization\n',
    'base/a.yaml': NOTE,
  })
  assert.equal((await weir(['check', root])).out, '0 errors, 0 warnings\n')
  rmSync(join(root, 'base/kustomization.yaml'))
  assert.match((await weir(['check', root])).out, /CFG015: 1 YAML file in .*base\/a\.yaml\n/)
})

test('links are followed, each file is read once, and a loop of links ends', async t => {
  const root = folder(t, { 'a/one.yaml': NOTE, 'b/.keep': '' })
  symlinkSync(root, join(root, 'a/loop'))
  symlinkSync(join(root, 'a'), join(root, 'b/again'))
  assert.match((await weir(['check', '-R', root])).out, /1 note in 1 file/)
})

/** `weir run`, with its admin listener. */
async function running(t: TestContext, ...words: string[]) {
  const admin = await freePort()
  let send = (_: 'SIGTERM'): void => {}
  let all = ''
  let grown = Promise.withResolvers<void>()
  const ended = weir(['run', '--admin', `127.0.0.1:${admin}`, ...words], {
    onOut: text => {
      all += text
      grown.resolve()
      grown = Promise.withResolvers()
    },
    onReady: each => {
      send = each
    },
  })
  t.after(() => send('SIGTERM'))
  return {
    says: async (text: string) => {
      while (!all.includes(text)) await Promise.race([grown.promise, ended.then(() => assert.fail(all))])
    },
    ready: async () => {
      const where = { host: '127.0.0.1', port: admin }
      const { status, body } = await call(where, 'GET /ready', { host: `127.0.0.1:${admin}` })
      return [status, (body as { why: string | null }).why]
    },
    end: async () => {
      send('SIGTERM')
      return (await ended).code
    },
  }
}

test('with nothing to serve weir is not ready, goes on watching, and serves what comes, in new folders too', async t => {
  const root = folder(t, { 'base/settings.yaml': settingsOf(routing(1, 1)) })
  const port = await freePort()
  const gateway = await running(t, '-R', root)
  await gateway.says('nothing to serve: no listener is open')
  assert.deepEqual(await gateway.ready(), [503, 'no-listener'])
  const rules = withoutSettings(routing(port, await echo(t, 'deep')))
  mkdirSync(join(root, 'teams/shop'), { recursive: true })
  writeFileSync(join(root, 'teams/shop/rules.yaml'), rules)
  await gateway.says('ready: every listener accepts')
  assert.deepEqual(await gateway.ready(), [200, null])
  assert.equal(await ask(port), 'deep test')
  writeFileSync(join(root, 'teams/shop/.new'), withoutSettings(routing(port, await echo(t, 'edited'))))
  renameSync(join(root, 'teams/shop/.new'), join(root, 'teams/shop/rules.yaml'))
  await gateway.says('generation 3')
  assert.equal(await ask(port), 'edited test')
  rmSync(join(root, 'teams'), { recursive: true })
  await gateway.says('generation 4')
  assert.deepEqual(await gateway.ready(), [503, 'no-listener'])
  while ((await ask(port)) !== ''); // the worker hears of it a moment after the log
  assert.equal(await gateway.end(), 0)
})

test('a folder without any resource is served as nothing, and watched', async t => {
  const root = folder(t)
  const port = await freePort()
  const gateway = await running(t, '--engine', 'node', root)
  await gateway.says('nothing to serve: no listener is open')
  assert.deepEqual(await gateway.ready(), [503, 'no-listener'])
  writeFileSync(join(root, 'a.yaml'), routing(port, await echo(t, 'late')))
  await gateway.says('ready: every listener accepts')
  assert.equal(await ask(port), 'late test')
  assert.equal(await gateway.end(), 0)
})

const isSettings = (text: string): boolean => text.includes('kind: Settings')
const settingsOf = (text: string): string => text.split('---\n').filter(isSettings).join('---\n')
const withoutSettings = (text: string): string =>
  text
    .split('---\n')
    .filter(each => !isSettings(each))
    .join('---\n')
