/** The input of every command that reads a configuration: PATH, -f, -R, standard input, -o. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, echo, folder, routing } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { weir } from './kit.ts'

const entry = (name: string, port: number): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.example]
  addresses: [10.0.0.${port}]
  resolution: STATIC
  ports: [{number: ${port}, name: tcp, protocol: TCP}]
  endpoints: [{address: 10.0.1.1}]
`
const BROKEN = 'a: ['

/** The files that `check` found something in. */
async function filesWithFindings(words: readonly string[], stdin?: string): Promise<string[]> {
  const { out } = await weir(['check', ...words, '-o', 'json'], stdin === undefined ? {} : { stdin })
  return JSON.parse(out).messages.map((each: { file: string }) => each.file)
}

/** The commands that read a configuration, each with what else it needs. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  run: ['--no-admin'],
  check: [],
  explain: ['--to', ':9000'],
  diff: [],
}

test('PATH and -f are the same, -f may be repeated, and both may be given', async t => {
  const root = folder(t, { 'a.yaml': BROKEN, 'b.yaml': BROKEN, 'c.yaml': BROKEN })
  const [a, b, c] = ['a', 'b', 'c'].map(name => join(root, `${name}.yaml`))
  assert.deepEqual(await filesWithFindings(['-f', a, '-f', b]), [a, b])
  assert.deepEqual(await filesWithFindings(['--filename', a, c]), [a, c])
  assert.deepEqual(await filesWithFindings([`--filename=${b}`, a, '-f', c]), [a, b, c])
  const { out } = await weir(['check', `-f=${a}`, '-o=json'])
  assert.equal(JSON.parse(out).messages[0].file, a)
  assert.equal((await weir(['check', a, '-o', 'yaml'])).code, 2)
})

test('- is standard input, by itself or beside files', async t => {
  const root = folder(t, { 'a.yaml': BROKEN })
  assert.deepEqual(await filesWithFindings(['-'], BROKEN), ['<stdin>'])
  assert.deepEqual(await filesWithFindings([root, '-f', '-'], BROKEN), [join(root, 'a.yaml'), '<stdin>'])
  assert.deepEqual(await filesWithFindings(['/dev/stdin'], BROKEN), ['/dev/stdin'])
  const { code, out } = await weir(['explain', '-', '--to', '10.0.0.9:9'], { stdin: entry('a', 9) })
  assert.equal(code, 0)
  assert.match(out, /on to the service a\.example/)
})

test('a finding in standard input shows its line', async () => {
  const { out } = await weir(['check', '-'], { stdin: `# one\n${BROKEN}` })
  assert.match(out, /^<stdin>:2:\d+: error CFG005: .*\n +2 \| a: \[/)
})

test('standard input that two ask for is wrong usage', async () => {
  for (const words of [
    ['-', '-'],
    ['-f', '-', '-'],
    ['-', '/dev/stdin'],
  ]) {
    const { code, err } = await weir(['check', ...words], { stdin: entry('a', 9) })
    assert.equal(code, 2, words.join(' '))
    assert.match(err, /^error: standard input can be read only once/)
  }
  const batch = await weir(['explain', '-', '--batch', '-'], { stdin: '' })
  assert.equal(batch.code, 2)
  assert.match(batch.err, /asked for by - and --batch -/)
})

test('an empty PATH is wrong usage: a variable that is not set must not mean the folder one is in', async () => {
  for (const words of [[''], ['-f', '']]) assert.equal((await weir(['check', ...words])).code, 2)
})

test('config/ is the default only where nothing is named', async t => {
  const root = folder(t, { 'config/a.yaml': BROKEN, 'b.yaml': BROKEN })
  const before = process.cwd()
  process.chdir(root)
  t.after(() => process.chdir(before))
  assert.deepEqual(await filesWithFindings([]), ['config/a.yaml'])
  assert.deepEqual(await filesWithFindings(['-f', 'b.yaml']), ['b.yaml'])
  assert.deepEqual(await filesWithFindings(['-'], BROKEN), ['<stdin>'])
})

test('-R reads folders inside folders', async t => {
  const root = folder(t, {
    'a.yaml': BROKEN,
    'b/c.yaml': BROKEN,
    'b/d/e.yml': BROKEN,
    'b/.git/f.yaml': BROKEN,
  })
  const files = ['a.yaml', 'b/c.yaml', 'b/d/e.yml'].map(name => join(root, name))
  assert.deepEqual(await filesWithFindings(['-R', root]), files)
  assert.deepEqual(await filesWithFindings(['-Rf', root]), files)
  assert.deepEqual(await filesWithFindings(['--recursive', '-f', root]), files)
})

test('a path that cannot even be looked at is a finding, as one that is not there', async t => {
  const root = folder(t)
  const [ring, long, missing] = ['ring.yaml', 'a'.repeat(300), 'missing'].map(name => join(root, name))
  symlinkSync(ring, ring)
  const { code, out } = await weir(['check', ring, long, missing])
  assert.match(out, /CFG001: .*ENAMETOOLONG.*CFG001: .*ENOENT.*CFG001: .*ELOOP/s)
  assert.equal(code, 1)
})

test('a pipe is read to its end', t => {
  const root = folder(t)
  const pipe = join(root, 'pipe')
  execFileSync('mkfifo', [pipe])
  const script = `printf 'a: [' > ${pipe} & exec "$@"`
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
  const { stdout } = runFailing('sh', ['-c', script, 'sh', process.execPath, main, 'check', pipe])
  assert.match(stdout, /pipe:1:\d+: error CFG005/)
})

/** The output of a program that exits with 1. */
function runFailing(program: string, words: readonly string[]): { readonly stdout: string } {
  try {
    execFileSync(program, words, { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    return error as { stdout: string }
  }
  assert.fail('it exits with 0')
}

test('every command that reads a configuration takes the same options', async () => {
  for (const command of Object.keys(READERS)) {
    const { out } = await weir([command, '--help'])
    for (const option of ['[PATH...]', '-f, --filename <FILE>', '-R, --recursive', '-o, --output <FORMAT>'])
      assert.ok(out.includes(option), `${command} ${option}`)
    assert.equal((await weir([command, '-', '-f', '-', ...READERS[command]])).code, 2, command)
  }
})

test('run serves what standard input said, also after a reload', async t => {
  const [port, first, second] = [await freePort(), await echo(t, 'first'), await echo(t, 'second')]
  const [rules, backend] = splitBackend(routing(port, first))
  const root = folder(t, { 'backend.yaml': backend })
  let send = (_: 'SIGTERM'): void => {}
  const log = lines()
  const ended = weir(['run', '--no-admin', '-f', '-', root], {
    stdin: rules,
    onOut: log.add,
    onReady: each => {
      send = each
    },
  })
  await log.has('every listener accepts')
  assert.equal(await ask(port), 'first test')
  writeFileSync(join(root, 'backend.yaml'), splitBackend(routing(port, second))[1])
  await log.has('generation 2')
  assert.equal(await ask(port), 'second test')
  send('SIGTERM')
  assert.equal((await ended).code, 0)
})

/** The ServiceEntry apart from the rest. */
function splitBackend(text: string): [string, string] {
  const documents = text.split('---\n')
  const isBackend = (each: string): boolean => each.includes('kind: ServiceEntry')
  return [documents.filter(each => !isBackend(each)).join('---\n'), documents.filter(isBackend).join('---\n')]
}

/** Lines of a log that can be waited for. */
function lines(): { add: (text: string) => void; has: (text: string) => Promise<void> } {
  let all = ''
  let grown = Promise.withResolvers<void>()
  return {
    add: text => {
      all += text
      grown.resolve()
      grown = Promise.withResolvers()
    },
    has: async text => {
      while (!all.includes(text)) await grown.promise
    },
  }
}
