/**
 * The proxies that `engines` compares, each a process with one busy thread, configured by a file in
 * bench/peers/. A proxy that is not installed is left out, and the report says how to install it.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { probeEpoll } from '../../src/kernel/epoll/probe.ts'
import { probe } from '../../src/kernel/uring/probe.ts'
import type { Bench } from '../harness.ts'
import { installed } from '../installed.ts'

export type Contender = {
  readonly name: string
  /**
   * The command that runs it, once its ports are known; null: no proxy, the load goes to the
   * server.
   */
  readonly command: ((ports: Ports) => readonly string[]) | null
  /** Environment of its process, beside this one's. */
  readonly env?: Readonly<Record<string, string>>
  /** Why it cannot run here, and what would change that; '' if it can. */
  readonly missing: () => string
  /** Its port, if not any that is free: that of its last start, which left the same files. */
  readonly listen?: number
  /** Whether it differs from another contender in bulk only. */
  readonly bulkOnly?: boolean
}

export type Ports = { readonly listen: number; readonly server: number; readonly folder: string }

export const WEIR = 'weir, uring'
/** For systems that forbid io_uring. */
export const WEIR_EPOLL = 'weir, epoll'
export const DIRECT = 'no proxy'
/** The better one of these sets the aim. */
export const PEERS: readonly string[] = ['haproxy', 'haproxy, splice', 'nginx stream']
/**
 * At half the rate of these, Node's own sockets fall behind, and a latency would only show their
 * queue.
 */
export const QUICK: readonly string[] = [WEIR, WEIR_EPOLL, ...PEERS]

export const CONTENDERS: readonly Contender[] = [
  { name: WEIR, command: weir('uring'), missing: () => probe().reason },
  { name: WEIR_EPOLL, command: weir('epoll'), missing: () => probeEpoll().reason },
  { name: 'weir, node', command: weir('node'), missing: () => '' },
  {
    name: 'haproxy',
    command: ports => [installed('haproxy'), '-db', '-f', configuration('haproxy.cfg', ports)],
    missing: notInstalled('haproxy', 'apt-get install haproxy'),
  },
  {
    name: 'haproxy, splice',
    command: ports => [installed('haproxy'), '-db', '-f', configuration('haproxy-splice.cfg', ports)],
    missing: notInstalled('haproxy', 'apt-get install haproxy'),
    bulkOnly: true,
  },
  {
    name: 'nginx stream',
    command: ports => [installed('nginx'), '-c', configuration('nginx.conf', ports)],
    missing: () => notInstalled('nginx', 'apt-get install nginx libnginx-mod-stream')() || withoutStream(),
  },
  {
    name: 'socket.pipe() in Node',
    command: ({ listen, server }) => [process.execPath, file('pipe-proxy.ts'), `${listen}`, `${server}`],
    missing: () => '',
  },
  { name: DIRECT, command: null, missing: () => '' },
]

/** Those that can run here; the others are named. */
export function present(bench: Bench): readonly Contender[] {
  return CONTENDERS.filter(({ name, missing }) => {
    const why = missing()
    if (why !== '') bench.say(`${name} is left out: ${why}`)
    return why === ''
  })
}

const MAIN = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))

export function weir(engine: string, ...flags: readonly string[]): (ports: Ports) => readonly string[] {
  return ports => [process.execPath, MAIN, 'run', ...flags, configuration('weir.yaml', ports, engine)]
}

/** weir with a configuration of the bench, in the file `fileOf`. */
export const weirWith = (
  name: string,
  text: (ports: Ports) => string,
  env: NonNullable<Contender['env']> = {},
): Contender => ({
  name,
  missing: () => '',
  env,
  command: ports => {
    writeFileSync(fileOf(ports), text(ports))
    return [process.execPath, MAIN, 'run', fileOf(ports)]
  },
})

/** weir with what `write` writes, and returns the path of. */
export const weirAt = (
  write: (ports: Ports) => string,
  env: NonNullable<Contender['env']> = {},
): Contender => ({
  name: 'weir',
  missing: () => '',
  env,
  command: ports => [process.execPath, MAIN, 'run', write(ports)],
})

export const fileOf = ({ folder, listen }: Pick<Ports, 'folder' | 'listen'>): string =>
  join(folder, `${listen}.yaml`)

const file = (name: string): string => fileURLToPath(new URL(`../peers/${name}`, import.meta.url))

/** The file `name` of bench/peers with its blanks filled in, in the run's own folder. */
export function configuration(name: string, { listen, server, folder }: Ports, engine = ''): string {
  const filled = readFileSync(file(name), 'utf8')
    .replaceAll('$LISTEN', String(listen))
    .replaceAll('$SERVER', String(server))
    .replaceAll('$FOLDER', folder)
    .replaceAll('$ENGINE', engine)
  const path = join(folder, `${listen}${extname(name)}`)
  writeFileSync(path, filled)
  return path
}

export function notInstalled(program: string, how: string): () => string {
  return () => (installed(program) === '' ? `${program} is not on PATH; on Debian: ${how}` : '')
}

/** Whether nginx has its stream module, which Debian packages separately. */
function withoutStream(): string {
  const { stderr } = spawnSync(installed('nginx'), ['-V'], { encoding: 'utf8' })
  const folder = /--modules-path=(\S+)/.exec(stderr)?.[1] ?? ''
  return existsSync(join(folder, 'ngx_stream_module.so'))
    ? ''
    : 'nginx is here without its stream module; on Debian: apt-get install libnginx-mod-stream'
}
