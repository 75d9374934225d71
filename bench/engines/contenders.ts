/**
 * The proxies that `engines` compares, each a process of its own with one thread at work, configured by a
 * file in bench/peers/. One that is not installed is left out, by name and with what installs it.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { probe } from '../../src/net/probe.ts'

export type Contender = {
  readonly name: string
  /** The command that runs it, once its ports are known; null: no proxy, the load goes to the server. */
  readonly command: ((ports: Ports) => readonly string[]) | null
  /** Why it can't run here, with what would change that; '' where it can. */
  readonly missing: () => string
  /** Whether it differs from another contender in bulk only. */
  readonly bulkOnly?: boolean
}

export type Ports = { readonly listen: number; readonly server: number; readonly folder: string }

export const WEIR = 'weir, uring'
export const DIRECT = 'no proxy'
/** Whoever is better of these sets the aim. */
export const PEERS: readonly string[] = ['haproxy', 'haproxy, splice', 'nginx stream']

export const CONTENDERS: readonly Contender[] = [
  { name: WEIR, command: weir('uring'), missing: () => probe().reason },
  { name: 'weir, node', command: weir('node'), missing: () => '' },
  {
    name: 'haproxy',
    command: ports => [found('haproxy'), '-db', '-f', configuration('haproxy.cfg', ports)],
    missing: notInstalled('haproxy', 'apt-get install haproxy'),
  },
  {
    name: 'haproxy, splice',
    command: ports => [found('haproxy'), '-db', '-f', configuration('haproxy-splice.cfg', ports)],
    missing: notInstalled('haproxy', 'apt-get install haproxy'),
    bulkOnly: true,
  },
  {
    name: 'nginx stream',
    command: ports => [found('nginx'), '-c', configuration('nginx.conf', ports)],
    missing: () => notInstalled('nginx', 'apt-get install nginx libnginx-mod-stream')() || withoutStream(),
  },
  {
    name: 'socket.pipe() in Node',
    command: ({ listen, server }) => [process.execPath, file('pipe-proxy.ts'), `${listen}`, `${server}`],
    missing: () => '',
  },
  { name: DIRECT, command: null, missing: () => '' },
]

/** Weir, with an access log where that is given. */
export function weir(
  engine: string,
  accessLog: { readonly path: string; readonly format: string } | null = null,
): (ports: Ports) => readonly string[] {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
  return ports => [
    ...[process.execPath, main, 'run'],
    configuration('weir.yaml', ports, { ENGINE: engine, ACCESS_LOG: JSON.stringify(accessLog) }),
  ]
}

const file = (name: string): string => fileURLToPath(new URL(`../peers/${name}`, import.meta.url))

/** The file `name` of bench/peers with its blanks filled in, in the run's own folder. */
function configuration(name: string, { listen, server, folder }: Ports, more = {}): string {
  const blanks = { LISTEN: String(listen), SERVER: String(server), FOLDER: folder, ...more }
  let filled = readFileSync(file(name), 'utf8')
  for (const [blank, value] of Object.entries<string>(blanks)) filled = filled.replaceAll(`$${blank}`, value)
  const path = join(folder, `${listen}${extname(name)}`)
  writeFileSync(path, filled)
  return path
}

function notInstalled(program: string, how: string): () => string {
  return () => (found(program) === '' ? `${program} is not on PATH; on Debian: ${how}` : '')
}

/** Whether nginx has the module that Debian packs apart from it. */
function withoutStream(): string {
  const { stderr } = spawnSync(found('nginx'), ['-V'], { encoding: 'utf8' })
  const folder = /--modules-path=(\S+)/.exec(stderr)?.[1] ?? ''
  return existsSync(join(folder, 'ngx_stream_module.so'))
    ? ''
    : 'nginx is here without its stream module; on Debian: apt-get install libnginx-mod-stream'
}

/** Where `program` is, or ''. Debian keeps proxies where an ordinary user's PATH does not look. */
function found(program: string): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map(folder => join(folder, program)).find(existsSync) ?? ''
}
