/**
 * Goal: every example does what its comments promise. Method: serve it with --demo, on other
 * ports, and type what the comment says:
 *
 *     #   nc [-s FROM] TO 19000  then `test`: ANSWER[, or ANSWER; …]
 *     #   printf 'PROXY …\r\ntest\n' | nc -s FROM TO 19000: ANSWER
 *
 * The example of TLS makes certificates, runs a server and asks with openssl(1), in a folder of
 * their own; its test does all of it in another one.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { ask, folder } from '../control/scene.ts'
import { fullOnly } from '../support/full.ts'
import { begin, freePort } from '../support/sockets.ts'
import { weir } from './kit.ts'

const EXAMPLES = new URL('../../config/examples/', import.meta.url).pathname
const DEMO = new URL('../../config/', import.meta.url).pathname
const TYPED = /^# {3}nc (?:-s (\S+) )?(\S+) 19000 +then `test`: (hello\S* test)(?:, or (hello\S* test))?/gm

const PIPED = /^# {3}printf '(PROXY [^']+?)\\r\\ntest\\n' \| nc -s (\S+) (\S+) 19000: (hello\S* test)/gm

/** The files of an example, with its ports exchanged for free ones. */
function texts(root: string, exchange: (text: string) => string): Record<string, string> {
  const names = readdirSync(root).filter(name => name.endsWith('.yaml'))
  return Object.fromEntries(names.map(name => [name, exchange(readFileSync(join(root, name), 'utf8'))]))
}

for (const [name, root] of [
  ['', DEMO],
  ...readdirSync(EXAMPLES)
    .filter(each => each !== 'tls')
    .map(each => [`examples/${each}`, join(EXAMPLES, each)]),
]) {
  test(`config/${name} is without a fault and answers as its comments say`, async t => {
    const checked = await weir(['check', '--strict', root])
    assert.equal(checked.code, 0)
    assert.match(checked.out, /\b0 errors, 0 warnings\b/)
    const tested = await weir(['test', '--min-coverage', '100', root])
    assert.equal(tested.code, 0, tested.out + tested.err)
    assert.match(tested.out, / passed, 0 missed\n/)
    const promised = Object.values(texts(root, text => text)).flatMap(text => [...text.matchAll(TYPED)])
    assert.ok(promised.length > 0)
    const piped = Object.values(texts(root, text => text)).flatMap(text => [...text.matchAll(PIPED)])
    assert.equal(piped.length > 0, name.endsWith('proxy-protocol'))
    // Each is a gateway to start: `npm test` asks the first, and the one whose clients say more.
    if (fullOnly && name !== '' && piped.length === 0) return
    const [outer, inner] = [await freePort(), await freePort()]
    const exchange = (text: string) =>
      text.replace(/1?9000/g, port => String(port === '19000' ? outer : inner))
    const stop = await served(t, folder(t, texts(root, exchange)))
    for (const [line, from, to, ...answers] of promised) {
      assert.ok(answers.includes(await ask(outer, to, from)), line)
    }
    for (const [line, header, from, to, answer] of piped)
      assert.equal(await ask(outer, to, from, `${header}\r\n`), answer, line)
    assert.equal(await stop(), 0)
  })
}

/** Serves a folder with --demo; the function stops it, and tells with which code it ended. */
async function served(t: TestContext, place: string): Promise<() => Promise<number>> {
  let send = (_: 'SIGTERM'): void => {}
  t.after(() => send('SIGTERM'))
  const ready = Promise.withResolvers<void>()
  const ended = weir(['run', '--demo', '--no-admin', '--workers', '1', place], {
    onOut: text => text.includes('every listener accepts') && ready.resolve(),
    onReady: each => {
      send = each
    },
  })
  await Promise.race([ready.promise, ended.then(({ out }) => assert.fail(out))])
  return async () => {
    send('SIGTERM')
    return (await ended).code
  }
}

const TLS = join(EXAMPLES, 'tls')
const CERTIFICATES = '/tmp/weir-tls'
const MAKING = /^# {3}((?:new=|\$new).*)$/gm
const SERVING = /^# {3}(openssl s_server .*)$/m
const ASKING = /^# {3}((?:openssl s_client|nc) .*(?: \\\n# {5}.*)?)\n# {5}says (.*?)(?::.*)?$/gm

const skip = spawnSync('openssl', ['version']).error ? 'needs openssl' : false

test('config/examples/tls is without a fault and answers as its comments say', { skip }, async t => {
  const certificates = folder(t, {})
  const ports = [await freePort(), await freePort(), await freePort()]
  const exchange = (text: string) =>
    moved(text).replace(/1900[012]/g, port => String(ports[Number(port) - 19_000]))
  const moved = (text: string) => text.replaceAll(CERTIFICATES, certificates)
  const comment = readFileSync(join(TLS, 'gateways.yaml'), 'utf8')
  const making = [...comment.matchAll(MAKING)].map(([, line]) => line)
  execFileSync('sh', ['-ec', making.join('\n')], { cwd: certificates, stdio: 'ignore' })

  const place = folder(t, texts(TLS, moved))
  const checked = await weir(['check', '--strict', place])
  assert.match(checked.out, /\b0 errors, 0 warnings\b/)
  const tested = await weir(['test', '--min-coverage', '100', place])
  assert.equal(tested.code, 0, tested.out + tested.err)

  const started = (command: string) => {
    const child = spawn('sh', ['-c', `exec ${command}`], { cwd: certificates })
    child.stdin.on('error', () => {})
    t.after(() => void child.kill('SIGKILL'))
    return child
  }
  started(exchange(SERVING.exec(comment)?.[1] ?? ''))
  await accepts(ports[2])
  await served(t, folder(t, texts(TLS, exchange)))
  const asking = [...comment.matchAll(ASKING)]
  assert.equal(asking.length, 4)
  for (const [line, command, answer] of asking) {
    const joined = exchange(command.replace(/ \\\n# {5}/, ' '))
    if (joined.startsWith('nc ')) assert.equal(await ask(ports[1]), answer, line)
    else assert.equal(await firstLine(started(`${joined} -verify_return_error`)), answer, line)
  }
})

/** Once somebody accepts there. */
async function accepts(port: number): Promise<void> {
  for (let isOpen = false; !isOpen; ) {
    const socket = begin(port)
    isOpen = await new Promise(resolve => {
      socket.on('connect', () => resolve(true))
      socket.on('error', () => setTimeout(resolve, 20, false))
    })
    socket.destroy()
  }
}

/** What somebody answers to `test`; then it is gone, since the server takes one at a time. */
async function firstLine(child: ChildProcess): Promise<string> {
  const { stdin, stdout } = child
  assert.ok(stdin && stdout)
  stdin.write('test\n')
  const [line] = await once(createInterface({ input: stdout }), 'line')
  child.kill('SIGKILL')
  return line
}
