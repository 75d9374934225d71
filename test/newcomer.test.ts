/**
 * A newcomer's first steps: `npm start`, read its output, connect as it says, Ctrl-C.
 *
 * The demo's addresses are fixed, since people type them; if something else uses them, this test
 * skips and says so.
 */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PLACES = [
  ['127.0.0.1', 19000],
  ['127.0.0.1', 15021],
  ['127.0.20.1', 9000],
] as const

const AT_LAST = ['ready: every listener accepts', 'nc 127.0.0.1 19000']

test('npm start serves the demo until Ctrl-C', { timeout: 180_000 }, async t => {
  const taken = (await Promise.all(PLACES.map(isTaken))).findIndex(Boolean)
  if (taken >= 0) return t.skip(`something else listens on ${PLACES[taken].join(':')}`)
  const npm = spawn('npm', ['start'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const ended = once(npm, 'exit')
  const group = -(npm.pid as number)
  t.after(() => npm.exitCode === null && npm.signalCode === null && process.kill(group, 'SIGKILL'))
  const said: string[] = []
  for await (const line of createInterface({ input: npm.stdout })) {
    said.push(line)
    // In either order.
    if (AT_LAST.every(each => said.some(one => one.includes(each)))) break
  }
  assert.match(await answerTo('test\n'), /^hello(-gray)? test\n$/)
  const ready = await fetch('http://127.0.0.1:15021/ready')
  assert.equal(ready.status, 200)
  const asked = spawnSync(`${ROOT}bin/weir`, ['routes', '--hit'], { encoding: 'utf8' })
  assert.match(asked.stdout, /^default\/echo tcp/m, asked.stderr)
  npm.stdout.resume()
  process.kill(group, 'SIGINT') // a terminal sends Ctrl-C to all of the group
  await ended
  assert.equal(await isTaken(PLACES[0]), false)
})

async function answerTo(line: string): Promise<string> {
  const socket = connect(19000, '127.0.0.1').setEncoding('utf8')
  socket.end(line)
  let answer = ''
  for await (const text of socket) answer += text
  return answer
}

/** Not by connecting: a listener without SO_REUSEPORT finds one with it, too. */
async function isTaken([address, port]: readonly [string, number]): Promise<boolean> {
  const server = createServer()
  const settled = Promise.race([
    once(server, 'listening').then(() => false),
    once(server, 'error').then(() => true),
  ])
  server.listen(port, address)
  const taken = await settled.catch(() => true)
  server.close()
  return taken
}
