/**
 * Goal: a PROXY header of version 2 tells an upstream who its client is by TLS. Method: clients
 * with and without a certificate, and by a ticket; Python reads the header, HAProxy takes it.
 */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { PROXY_TLVS } from '../../src/table/plan/policy.ts'
import type { TlsUpstream } from '../../src/table/plan/tls.ts'
import { clusterOf, ENGINES, listenerOn, planOf, type Target, TestEngine } from '../support/engine.ts'
import { begin, freePort, listen, open, readAll, until } from '../support/sockets.ts'
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

const withoutPython = spawnSync('python3', ['--version']).status !== 0 && 'needs python3'
const withoutHaproxy = spawnSync('haproxy', ['-v']).status !== 0 && 'needs haproxy'

/** Written by the specification alone; it reads one header a line, in hexadecimal. */
const READER = `
import json, struct, sys
def tlvs(block):
    found = {}
    while block:
        kind, size = struct.unpack('!BH', block[:3])
        assert len(block) >= 3 + size
        found['%02x' % kind] = block[3:3 + size]
        block = block[3 + size:]
    return found
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return struct.pack('!I', crc ^ 0xffffffff)
def read(data):
    assert data[:12] == b'\\r\\n\\r\\n\\0\\r\\nQUIT\\n' and data[12] == 0x21
    length, = struct.unpack('!H', data[14:16])
    found = tlvs(data[16 + {0x11: 12, 0x21: 36}[data[13]]:16 + length])
    told = {kind: value.decode() for kind, value in found.items() if kind in ('01', '02', '05')}
    if '03' in found:
        at = data.index(b'\\x03\\0\\4' + found['03'], 16) + 3
        told['crc'] = crc32c(data[:at] + bytes(4) + data[at + 4:16 + length]) == found['03']
    if '20' in found:
        client, verify = struct.unpack('!BI', found['20'][:5])
        inside = {kind: value.decode() for kind, value in tlvs(found['20'][5:]).items()}
        told['ssl'] = {'client': client, 'verify': verify, **inside}
    return told
print(json.dumps([read(bytes.fromhex(line)) for line in sys.stdin]))
`

type Told = {
  readonly '01'?: string
  readonly '02'?: string
  readonly '05'?: string
  readonly crc?: boolean
  readonly ssl?: Readonly<Record<string, string | number>>
}

function readHeaders(headers: readonly Buffer[]): Told[] {
  const input = headers.map(each => `${each.toString('hex')}\n`).join('')
  const { stdout, stderr } = spawnSync('python3', ['-c', READER], { input })
  assert.equal(String(stderr), '')
  return JSON.parse(String(stdout))
}

async function gatewayTo(engine: EngineKind, to: Target, tls?: TlsUpstream) {
  const gateway = new TestEngine(engine)
  const [port, plain] = [await freePort(), await freePort()]
  gateway.order({ kind: 'secrets', epoch: 0, secrets: SECRETS })
  const server = serverOf({ clients: 'optional', alpn: ['h2', 'http/1.1'] })
  const policy = { proxyVersion: 2, proxyTlvs: PROXY_TLVS } as const
  const cluster = { ...clusterOf([to], policy), ...(tls && { tls }) }
  await gateway.adopt(planOf([tlsListenerOn(port, server), listenerOn(plain)], [cluster]))
  return Object.assign(gateway, { port, plain })
}

function tlsClient(port: number, options: ConnectionOptions = {}): TLSSocket {
  const trusted = { servername: SERVER_NAME, ca: AUTHORITY.cert }
  const socket = connect({ port, host: '127.0.0.1', ...trusted, ...options } as ConnectionOptions)
  socket.on('error', () => {})
  return socket
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: the header has the client's TLS and certificate, as Python reads it`, {
    skip: withoutPython,
  }, async () => {
    const headers: Buffer[] = []
    await using upstream = await listen(socket => {
      socket.on('end', () => socket.end())
      socket.once('data', (chunk: Buffer) => {
        headers.push(chunk)
        socket.write('seen')
      })
    })
    await using gateway = await gatewayTo(engine, upstream)
    let session: Buffer | undefined
    const talk = async (options: ConnectionOptions): Promise<void> => {
      const client = tlsClient(gateway.port, options)
      client.on('session', given => {
        session = given
      })
      await once(client, 'data')
      await until(() => session !== undefined)
      client.destroy()
    }
    const only13 = { minVersion: 'TLSv1.3', cert: CLIENT.cert, key: CLIENT.key } as const
    await talk({ ...only13, ALPNProtocols: ['http/1.1'] })
    await talk({ ...only13, session })
    await talk({ maxVersion: 'TLSv1.2' })
    const plain = await open(gateway.plain)
    await once(plain, 'data')
    plain.destroy()
    await gateway.settled()

    const [first, resumed, nobody, clear] = readHeaders(headers)
    assert.match(String(first['05']), /^\d+$/)
    assert.match(String(first.ssl?.['23']), /^TLS_AES_/)
    const ssl = { client: 7, verify: 0, '21': 'TLSv1.3', '22': 'web', '23': first.ssl?.['23'] }
    assert.deepEqual(first, { '01': 'http/1.1', '02': SERVER_NAME, '05': first['05'], crc: true, ssl })
    assert.deepEqual([resumed.ssl?.client, resumed.ssl?.verify, resumed.ssl?.['22']], [5, 0, 'web'])
    assert.notEqual(resumed['05'], first['05'])
    assert.deepEqual([nobody.ssl?.client, nobody.ssl?.['21'], nobody.ssl?.['22']], [1, 'TLSv1.2', undefined])
    assert.notEqual(nobody.ssl?.verify, 0)
    assert.deepEqual(clear, { '05': clear['05'], crc: true })
  })

  test(`${engine}: HAProxy takes the header, its checksum included, also in front of TLS`, {
    skip: withoutHaproxy,
  }, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-tlvs-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const [behind, secure] = [await freePort(), await freePort()]
    const pem = join(folder, 'server.pem')
    writeFileSync(pem, SERVER.cert + SERVER.key)
    const file = join(folder, 'haproxy.conf')
    writeFileSync(
      file,
      `
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend behind
  bind 127.0.0.1:${behind} accept-proxy
  bind 127.0.0.1:${secure} accept-proxy ssl crt ${pem}
  http-request return status 200 content-type text/plain lf-string "%[fc_pp_authority] %[fc_pp_unique_id] %[src_port]"
`,
    )
    const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] })
    t.after(async () => {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    })
    for (;;) {
      const socket = begin(behind)
      const isThere = await new Promise(resolve => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      })
      socket.destroy()
      if (isThere) break
      assert.equal(child.exitCode, null, 'haproxy has ended')
    }
    for (const [port, tls] of [
      [behind, undefined],
      [secure, upstreamOf()],
    ] as const) {
      await using gateway = await gatewayTo(engine, { address: '127.0.0.1', port }, tls)
      const client = tlsClient(gateway.port, CLIENT)
      await once(client, 'secureConnect')
      client.write('GET / HTTP/1.0\r\n\r\n')
      assert.match(await readAll(client), new RegExp(`\r\n\r\n${SERVER_NAME} \\d+ ${client.localPort ?? ''}`))
      client.end()
    }
  })
}
