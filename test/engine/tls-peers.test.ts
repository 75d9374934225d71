/**
 * Goal: peers that are not Node speak TLS with weir, on both sides. Method: curl, openssl s_client
 * and Python's ssl as clients; openssl s_server and nginx as upstreams, each where it is there.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'
import { clusterOf, EVERY_ENGINE, listenerOn, planOf, type Target, TestEngine } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { echo, freePort, listen, open } from '../support/sockets.ts'
import {
  AUTHORITY,
  CLIENT,
  SECRETS,
  SERVER,
  SERVER_NAME,
  serverOf,
  tlsListenerOn,
  upstreamOf,
} from '../support/tls.ts'

const run = promisify(execFile)
const missing = ['curl', 'openssl', 'python3'].filter(name => spawnSync(name, ['--help']).error)
const skip = missing.length > 0 ? `needs ${missing.join(' and ')}` : fullOnly

const folder = mkdtempSync(join(tmpdir(), 'weir-tls-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const fileOf = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const CA = fileOf('ca.pem', AUTHORITY.cert)
const CERT = fileOf('server.pem', SERVER.cert)
const KEY = fileOf('server.key', SERVER.key)
const CLIENT_CERT = fileOf('client.pem', CLIENT.cert)
const CLIENT_KEY = fileOf('client.key', CLIENT.key)

/** Ends its half of the stream in order, and then reads the rest. */
const PYTHON = `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
raw = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
tls = context.wrap_socket(raw, server_hostname='${SERVER_NAME}')
tls.sendall(b'from python')
print(tls.recv(100).decode())
tls.unwrap()
`

/** HTTP for curl, and what they said for the others. */
function echoOrAnswer(socket: Socket): void {
  socket.once('data', (chunk: Buffer) => {
    if (`${chunk}`.startsWith('GET ')) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    else {
      socket.write(chunk)
      echo(socket)
    }
  })
}

async function gatewayTo(engine: TestEngine, target: Target, upstream?: ReturnType<typeof upstreamOf>) {
  const port = await freePort()
  engine.order({ kind: 'secrets', epoch: 0, secrets: SECRETS })
  const listener = upstream ? listenerOn(port) : tlsListenerOn(port, serverOf({ clients: 'optional' }))
  await engine.adopt(planOf([listener], [{ ...clusterOf([target]), ...(upstream && { tls: upstream }) }]))
  return port
}

async function said(child: ChildProcess, text: string): Promise<void> {
  let heard = ''
  child.stdout?.on('data', chunk => {
    heard += chunk
  })
  while (!heard.includes(text)) await once(child.stdout as NodeJS.ReadableStream, 'data')
}

for (const { engine, test } of EVERY_ENGINE) {
  test(`${engine}: curl, openssl and Python reach a server behind weir's TLS`, { skip }, async () => {
    await using upstream = await listen(echoOrAnswer)
    await using gateway = new TestEngine(engine)
    const port = await gatewayTo(gateway, upstream)
    const asked = ['-sS', '--cacert', CA, '--resolve', `${SERVER_NAME}:${port}:127.0.0.1`]
    const curl = await run('curl', [...asked, `https://${SERVER_NAME}:${port}/`])
    assert.equal(curl.stdout, 'ok')
    for (const version of ['-tls1_2', '-tls1_3'])
      for (const certificate of [[], ['-cert', CLIENT_CERT, '-key', CLIENT_KEY]]) {
        const child = spawn('openssl', [
          's_client',
          '-quiet',
          '-connect',
          `127.0.0.1:${port}`,
          '-servername',
          SERVER_NAME,
          '-CAfile',
          CA,
          '-verify_return_error',
          version,
          ...certificate,
        ])
        child.stdin.write('from openssl\n')
        await said(child, 'from openssl')
        child.kill()
      }
    const python = await run('python3', ['-c', PYTHON, String(port), CA])
    assert.match(python.stdout, /from python/)
    await gateway.closed('client-closed')
  })

  test(`${engine}: openssl s_server is an upstream, and asks for weir's certificate`, { skip }, async () => {
    const to = await freePort()
    const child = spawn('openssl', [
      's_server',
      '-accept',
      `127.0.0.1:${to}`,
      '-cert',
      CERT,
      '-key',
      KEY,
      '-CAfile',
      CA,
      '-Verify',
      '1',
      '-verify_return_error',
      '-rev',
    ])
    try {
      await said(child, 'ACCEPT')
      await using gateway = new TestEngine(engine)
      const port = await gatewayTo(
        gateway,
        { address: '127.0.0.1', port: to },
        upstreamOf({ material: 'client' }),
      )
      const client = await open(port)
      client.write('tac\n')
      const [chunk] = (await once(client, 'data')) as [Buffer]
      assert.match(`${chunk}`, /cat/)
      client.destroy()
    } finally {
      child.kill()
    }
  })
}
