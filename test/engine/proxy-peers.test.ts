/**
 * Goal: others understand weir's PROXY headers, and weir theirs. Method: HAProxy and nginx in
 * front, weir between, HAProxy behind, which reports over HTTP the client that it sees.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { parseCidr } from '../../src/address/address.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { begin, freePort, open, readAll } from '../support/sockets.ts'

const missing = ['haproxy', 'nginx'].filter(name => spawnSync(name, ['-v']).status !== 0)
const skip = missing.length > 0 && `needs ${missing.join(' and ')}`

const folder = mkdtempSync(join(tmpdir(), 'weir-peers-'))
const children: ChildProcess[] = []
const fronts = new Map<string, number>()
/** The ports of weir, and of HAProxy behind it. */
let [weir, behind] = [0, 0]

const haproxyConfig = (ports: ReadonlyMap<string, number>): string => `
global
  maxconn 100
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen text
  bind 127.0.0.1:${ports.get('HAProxy, version 1')}
  server weir 127.0.0.1:${weir} send-proxy
listen binary
  bind 127.0.0.1:${ports.get('HAProxy, version 2')}
  server weir 127.0.0.1:${weir} send-proxy-v2 proxy-v2-options crc32c,unique-id
frontend behind
  mode http
  bind 127.0.0.1:${behind} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port]"
`

const nginxConfig = (port: number | undefined): string => `
load_module modules/ngx_stream_module.so;
daemon off;
pid ${folder}/nginx.pid;
error_log stderr emerg;
events {}
stream {
  server { listen 127.0.0.1:${port}; proxy_protocol on; proxy_pass 127.0.0.1:${weir}; }
}
`

async function serve(name: string, config: string, options: (file: string) => string[], port: number) {
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, config)
  const child = spawn(name, options(file), { stdio: ['ignore', 'ignore', 'inherit'] })
  children.push(child)
  while (!(await accepts(port))) assert.equal(child.exitCode, null, `${name} has ended`)
}

async function accepts(port: number): Promise<boolean> {
  const socket = begin(port)
  const opened = new Promise<boolean>(resolve => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  const result = await opened
  socket.destroy()
  return result
}

before(async () => {
  if (skip) return
  ;[weir, behind] = [await freePort(), await freePort()]
  for (const name of ['HAProxy, version 1', 'HAProxy, version 2', 'nginx, version 1'])
    fronts.set(name, await freePort())
  await serve('haproxy', haproxyConfig(fronts), file => ['-db', '-f', file], behind)
  const nginxPort = fronts.get('nginx, version 1') ?? 0
  await serve('nginx', nginxConfig(nginxPort), file => ['-e', 'stderr', '-c', file], nginxPort)
})

after(async () => {
  const ends = children.map(child => new Promise(resolve => child.once('exit', resolve)))
  for (const child of children) child.kill()
  await Promise.all(ends)
  rmSync(folder, { recursive: true })
})

for (const { engine, test } of ENGINES) {
  for (const proxyVersion of [1, 2] as const) {
    test(`${engine}: from others, and on to HAProxy by version ${proxyVersion}`, { skip }, async () => {
      const from = [parseCidr('127.0.0.0/8') ?? assert.fail()]
      const proxyProtocol = { from, require: true, versions: [1, 2] as const, timeoutMs: 60_000 }
      await using plane = new TestEngine(engine)
      const target = { address: '127.0.0.1', port: behind }
      await plane.adopt(
        planOf([listenerOn(weir, 0, { proxyProtocol })], [clusterOf([target], { proxyVersion })]),
      )
      for (const [front, port] of fronts) {
        const client = await open(port)
        const { port: own } = client.address() as AddressInfo
        client.write('GET / HTTP/1.0\r\n\r\n')
        const answer = await readAll(client)
        assert.match(answer, new RegExp(`\\r\\n\\r\\n127\\.0\\.0\\.1:${own} 127\\.0\\.0\\.1:${port}$`), front)
        client.end()
      }
      await plane.settled()
    })
  }
}
