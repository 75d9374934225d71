/**
 * What weir is deployed with: the unit, the archive with its own Node, and the image's root file
 * system, which is made by the Dockerfile's own steps and run without Docker.
 */

import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, echo, folder, routing } from '../control/scene.ts'
import { fullOnly } from '../support/full.ts'
import { freePort } from '../support/sockets.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DEPLOY = join(ROOT, 'config/deploy')

const isMissing = (program: string): string | false =>
  spawnSync(program, ['--version']).error ? `${program} is not installed` : false

for (const [file, name] of [
  ['weir.service', 'weir.service'],
  ['weir@.service', 'weir@blue.service'],
])
  test(`systemd finds nothing wrong with ${file}`, { skip: isMissing('systemd-analyze') }, t => {
    const root = folder(t)
    const unit = readFileSync(join(DEPLOY, 'systemd', file), 'utf8')
    const here = unit
      .replaceAll('/opt/weir/node_modules/.bin/weir', process.execPath) // neither is installed here
      .replace('man:weir(1)', 'https://weir.example')
    writeFileSync(join(root, name), here)
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(root, name)])
    assert.deepEqual([status, String(stderr)], [0, ''])
    assert.match(unit, /^Type=notify$/m)
  })

type Profile = { syscalls: { names: string[]; action: string }[] }
const profile = (): Profile => JSON.parse(readFileSync(join(DEPLOY, 'seccomp.json'), 'utf8')) as Profile

test('the seccomp profile names each system call once', () => {
  const names = profile().syscalls.flatMap(each => each.names)
  assert.deepEqual(names, [...new Set(names)])
})

const RUNC = { skip: fullOnly || isMissing('runc') || (process.getuid?.() !== 0 && 'runc takes root') }

test(
  'the archive and the image run where there is no Node, and the profile decides about io_uring',
  RUNC,
  async t => {
    const out = folder(t)
    execFileSync(process.execPath, [join(ROOT, 'src/cli/build/standalone.js'), out], { stdio: 'pipe' })
    const name = readdirSync(out).find(each => !each.endsWith('.gz')) ?? ''
    const version = spawnSync(join(out, name, 'bin/weir'), ['version'], { env: { PATH: '/usr/bin:/bin' } })
    assert.match(String(version.stdout), /^weir [0-9.]+\n {2}runs from +dist\n {2}Node +26\./)
    const root = join(out, 'root')
    execFileSync(join(DEPLOY, 'image/rootfs.sh'), [join(out, name), root])
    await t.test('allowed', async t => assert.equal(await servesWith(t, root, profile()), 'uring'))
    const forbidding = profile()
    forbidding.syscalls = forbidding.syscalls.filter(each => !each.names.includes('io_uring_setup'))
    await t.test('forbidden', async t => assert.equal(await servesWith(t, root, forbidding), 'epoll'))
  },
)

/** The engine of a gateway in the image, which has served a connection and drained. */
async function servesWith(t: TestContext, root: string, seccomp: Profile): Promise<string> {
  const [port, backend] = [await freePort(), await echo(t, 'hello')]
  const bundle = folder(t, { 'etc/a.yaml': routing(port, backend).replace(', admin: null', '') })
  for (const place of ['proc', 'dev']) mkdirSync(join(root, place), { recursive: true })
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(container(root, join(bundle, 'etc'), seccomp)))
  const id = `weir-test-${process.pid}-${port}`
  const runc = ['--root', join(bundle, 'runc')]
  const child = spawn('runc', [...runc, 'run', '--bundle', bundle, id], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.exitCode ?? spawnSync('runc', [...runc, 'delete', '--force', id]))
  let engine = ''
  const exit = new Promise(resolve => child.on('exit', resolve))
  for await (const line of createInterface({ input: child.stdout })) {
    const record = JSON.parse(line) as { msg: string; engine?: string }
    engine ||= record.engine ?? ''
    if (!record.msg.includes('every listener accepts')) continue
    assert.equal(await ask(port), 'hello test')
    spawnSync('runc', [...runc, 'kill', id, 'TERM'])
  }
  assert.equal(await exit, 0)
  return engine
}

/** As the Dockerfile says: its user, entry point and variables, and nothing to write. */
function container(root: string, config: string, seccomp: Profile) {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  const listOf = (name: string) =>
    JSON.parse(new RegExp(`^${name} (.*)$`, 'm').exec(dockerfile)?.[1] ?? '') as string[]
  const [, uid, gid] = /^USER (\d+):(\d+)$/m.exec(dockerfile) ?? []
  assert.ok(existsSync(join(root, listOf('ENTRYPOINT')[0])))
  const none = { bounding: [], effective: [], permitted: [] }
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: Number(uid), gid: Number(gid) },
      args: [...listOf('ENTRYPOINT'), ...listOf('CMD')],
      env: ['WEIR_RUN_ADMIN=127.0.0.1:0', 'WEIR_RUN_LOG_FORMAT=json'],
      cwd: '/',
      capabilities: none,
      noNewPrivileges: true,
    },
    root: { path: root, readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/etc/weir', type: 'bind', source: config, options: ['bind', 'ro'] },
    ],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount'].map(type => ({ type })),
      seccomp: {
        ...seccomp,
        syscalls: seccomp.syscalls.map(({ ...each }) => ({ ...each, comment: undefined })),
      },
    },
  }
}
