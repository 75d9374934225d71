/** `weir top` of a gateway: on a pseudo terminal, after a resize, while the gateway is gone. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, get as http } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Scene, scene, talking } from '../admin/scene.ts'
import { type Said, type World, weir } from './kit.ts'

/** What ends with the file, not with the test that began it. */
const ends: (() => unknown)[] = []
after(async () => {
  for (const end of ends.reverse()) await end()
})
const whole = { after: (end: () => unknown) => void ends.push(end) } as Pick<TestContext, 'after'>

let served: Promise<Scene> | null = null
/** One for all tests here. */
const gateway = (): Promise<Scene> => {
  served ??= scene(whole)
  return served
}

const python = spawnSync('python3', ['-c', 'import pty']).status === 0 ? false : 'needs python3'
const WEIR = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))

/** What a terminal shows of a picture. */
const linesOf = (picture: string): string[] =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal gets
  picture.replace(/\u001b\[\??\d*[A-Za-z]/g, '').split(/\r+\n/)

/** Spawns a program on a terminal of its own, which it passes on to this process's pipes. */
const TERMINAL = `
import fcntl, os, pty, select, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def size(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
size(20, 90)
while True:
    for ready in select.select([0, terminal], [], [])[0]:
        try:
            data = os.read(ready, 65536)
        except OSError:
            data = b''
        if ready == 0 and data.startswith(b'size'):
            size(*map(int, data.split()[1:]))
        elif ready == 0 and data:
            os.write(terminal, data)
        elif not data:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        else:
            os.write(1, data)
`

test('on a terminal, keys lead from a rule to why a connection is open', { skip: python }, async t => {
  const { port, backend, where } = await gateway()
  const socket = await talking(t, port)
  const words = [process.execPath, WEIR, 'top', '--admin', `127.0.0.1:${where.port}`]
  const env = { ...process.env, TERM: 'xterm', WEIR_FROM_SOURCE: '1', NO_COLOR: '1' }
  const child = spawn('python3', ['-c', TERMINAL, ...words], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  let out = ''
  const closed = once(child, 'close')
  let grown = Promise.withResolvers<void>()
  child.stdout.on('data', data => {
    out += data
    grown.resolve()
    grown = Promise.withResolvers()
  })
  /** The last picture that shows this, within so many lines. */
  const screen = async (shows: string, most = 20): Promise<string[]> => {
    for (;;) {
      const whole = out.split('\u001b[J').slice(0, -1).map(linesOf)
      const found = whole.findLast(each => each.length <= most && each.some(line => line.includes(shows)))
      if (found) return found
      assert.equal(await Promise.race([grown.promise, closed]), undefined, out)
    }
  }
  const first = await screen('› default/all tcp[0]')
  assert.match(first[0], /^weir 1\.2\.3 {2}ready .* 127\.0\.0\.1:\d+$/)
  assert.ok(first.length === 20 && first.every(line => line.length <= 90), first.join('\n'))
  assert.ok(first.some(line => /^› default\/all tcp\[0\] +\S+ +1 +1 /.test(line)))
  child.stdin.write('\r')
  assert.ok(
    (await screen('Endpoints of default')).some(line => line.startsWith(`› 127.0.0.1:${backend}  up`)),
  )
  child.stdin.write('\r')
  const client = `127.0.0.1:${socket.localPort}`
  assert.ok((await screen('Open connections of')).some(line => line.startsWith(`› ${client}  relaying`)))
  child.stdin.write('\r')
  assert.ok((await screen('Why ')).some(line => line.startsWith('    rule      default/all tcp[0]')))
  child.stdin.write('size 6 40\n')
  assert.ok((await screen('open', 6)).every(line => line.length <= 40))
  child.stdin.write('q')
  const [code] = await closed
  assert.equal(code, 0)
  assert.ok(out.startsWith('\u001b[?1049h\u001b[?25l') && out.endsWith('\u001b[?25h\u001b[?1049l'))
})

/** top as a function; `onFrame` gets each picture's lines, and what types, resizes and signals. */
async function watched(
  admin: string,
  onFrame: (lines: string[], terminal: Terminal) => void,
  world: World = {},
): Promise<Said & { readonly restored: number }> {
  const terminal: Terminal = { type: () => {}, resize: () => {}, size: { columns: 80, rows: 24 } }
  let restored = 0
  const said = await weir(['top', '--interval', '10ms', '--admin', admin], {
    isTTY: true,
    size: terminal.size,
    onResize: tell => {
      terminal.resize = tell
    },
    onKeys: type => {
      terminal.type = type
      return () => restored++
    },
    onOut: text => {
      if (text.startsWith('\u001b[H')) onFrame(linesOf(text), terminal)
    },
    ...world,
  })
  return { ...said, restored }
}

type Terminal = {
  type: (keys: string) => void
  resize: () => void
  readonly size: { columns: number; rows: number }
}

test('it draws until q, fits after a resize, and gives the terminal back', async () => {
  const { where } = await gateway()
  const frames: string[][] = []
  const { code, out, restored } = await watched(`127.0.0.1:${where.port}`, (lines, terminal) => {
    frames.push(lines)
    if (frames.length === 3) terminal.type('x')
    if (frames.length === 4) {
      Object.assign(terminal.size, { columns: 50, rows: 9 })
      setImmediate(terminal.resize)
    }
    if (frames.length === 6) setImmediate(() => terminal.type('q'))
  })
  assert.deepEqual([code, restored], [0, 1])
  assert.ok(out.startsWith('\u001b[?1049h\u001b[?25l') && out.endsWith('\u001b[?25h\u001b[?1049l'))
  assert.match(frames[0][1], /^\d open {3}– \/s new/) // the first picture, before there is a second look
  assert.equal(frames[0].length, 24)
  assert.ok(frames[5].length <= 9 && frames[5].every(line => line.length <= 50), frames[5].join('\n'))
})

test('without a terminal, or on one that cannot move its cursor, it writes one frame', async t => {
  const { port, where, get } = await gateway()
  await talking(t, port)
  // Hits are made anew only so often: the first look would lack one that the second has.
  const { accepted } = (await get('/summary')).body.counters
  while ((await get('/routes')).body.rules[0].connections !== accepted);
  const words = ['top', '--interval', '10ms', '--admin', `127.0.0.1:${where.port}`]
  for (const world of [{}, { isTTY: true, variables: { TERM: 'dumb' } }]) {
    const { code, out } = await weir(words, world)
    assert.equal(code, 0)
    assert.match(out, /^weir 1\.2\.3 {2}ready {2}generation 1 .*\n\d open {3}\S+ \/s new/)
    assert.match(out, /^default\/all tcp\[0\] +0 +\d +\d /m)
    assert.ok(!out.includes('\u001b') && !out.includes('quit'))
  }
})

/** In front of the gateway: gone, or without an answer, or there. */
async function door(to: number, how: () => 'open' | 'gone' | 'silent') {
  const server = createServer((request, response) => {
    const state = how()
    if (state === 'gone') request.socket.destroy()
    if (state === 'open') http(`http://127.0.0.1:${to}${request.url}`, answer => answer.pipe(response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { admin: `127.0.0.1:${port}`, close: () => server.close().closeAllConnections() }
}

test('a gateway that goes away is said, and its figures come back with it', async t => {
  const { where } = await gateway()
  let state: 'open' | 'gone' = 'open'
  const { admin, close } = await door(where.port, () => state)
  t.after(close)
  const seen: string[] = []
  const { code } = await watched(admin, ([first], terminal) => {
    if (seen.at(-1) !== (first.startsWith('weir') ? 'there' : first.split(',')[0]))
      seen.push(first.startsWith('weir') ? 'there' : first.split(',')[0])
    if (seen.length === 1) state = 'gone'
    if (seen.length === 2) state = 'open'
    if (seen.length === 3) setImmediate(() => terminal.type('q'))
  })
  assert.equal(code, 0)
  assert.match(seen[1], /^no gateway answers at 127\.0\.0\.1:\d+ \(ECONNRESET\): is weir running/)
  assert.equal(seen[2], 'there')
})

test('it is left by q while the gateway does not answer', async t => {
  const { where } = await gateway()
  let type: (keys: string) => void = () => {}
  let asked = 0
  const { admin, close } = await door(where.port, () => {
    asked++
    if (asked === 4) setImmediate(() => type('q'))
    return asked > 2 ? 'silent' : 'open'
  })
  t.after(close)
  const { code, restored } = await watched(admin, (_, terminal) => {
    type = terminal.type
  })
  assert.deepEqual([code, restored], [0, 1])
})
