/**
 * Real servers, each a process of its own with its own port, that are killed, stopped, cut off from
 * the network, and brought back.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Kind } from './talks.ts'

export const FAULTS = ['SIGKILL', 'SIGSTOP', 'SYN dropped'] as const
export type Fault = (typeof FAULTS)[number]

/** Debian's user of that name: PostgreSQL refuses to run as root. */
const AS_POSTGRES = ['--reuid=postgres', '--regid=postgres', '--clear-groups']

const nginxConf = (port: number, folder: string): string => `
daemon off;
master_process off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_timeout 600s;
  keepalive_requests 1000000;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 127.0.0.1:${port} backlog=1024; location / { return 200 "by $server_port\\n"; } }
}
`

/** The words of the command that runs a server in `folder`, which is made ready for it. */
const COMMANDS: Readonly<Record<Kind, (port: number, folder: string, shared: string) => string[]>> = {
  nginx: (port, folder) => {
    writeFileSync(join(folder, 'nginx.conf'), nginxConf(port, folder))
    return ['nginx', '-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')]
  },
  redis: (port, folder) => [
    ...['redis-server', '--bind', '127.0.0.1', '--port', `${port}`, '--save', '', '--dir', folder],
    ...['--appendonly', 'no', '--maxclients', '2000'],
  ],
  postgres: (port, folder, shared) => {
    const data = join(folder, 'data')
    execFileSync('cp', ['-a', join(shared, 'postgres'), data])
    const options = { port, max_connections: 300, fsync: 'off', unix_socket_directories: folder }
    const words = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    return ['setpriv', ...AS_POSTGRES, 'postgres', '-D', data, ...words]
  },
}

/** Made once and copied: making a cluster takes seconds. */
export function prepare(kind: Kind, shared: string): void {
  mkdirSync(shared, { recursive: true })
  chmodSync(shared, 0o777)
  if (kind !== 'postgres') return
  const initdb = readdirSync('/usr/lib/postgresql').map(each => `/usr/lib/postgresql/${each}/bin/initdb`)[0]
  const words = [
    '-D',
    join(shared, 'postgres'),
    '-A',
    'trust',
    '-U',
    'postgres',
    '--no-sync',
    '--wal-segsize=1',
  ]
  execFileSync('setpriv', [...AS_POSTGRES, initdb, ...words], {
    stdio: 'ignore',
    env: { ...process.env, LC_ALL: 'C' },
  })
}

/** The states that a process reaches by a signal (proc(5)). */
const STATES: Readonly<Partial<Record<NodeJS.Signals, RegExp>>> = { SIGKILL: /[ZX]/, SIGSTOP: /[TZX]/ }
const TAKES_MS_MAX = 5_000

export class Server {
  readonly port: number
  readonly #words: readonly string[]
  #process: ChildProcess | null = null

  constructor(kind: Kind, port: number, folder: string, shared: string) {
    this.port = port
    const own = join(folder, `${kind}-${port}`)
    mkdirSync(own)
    chmodSync(own, 0o777)
    this.#words = COMMANDS[kind](port, own, shared)
  }

  start(): void {
    this.#process = spawn(this.#words[0], this.#words.slice(1), { stdio: 'ignore' })
  }

  /** The fault is complete when this returns: a connection that begins later meets it. */
  break(fault: Fault): void {
    if (fault === 'SYN dropped') filter(['add', 'rule', 'inet', 'faults', 'in', ...this.#syn(), 'drop'])
    else this.#signal(fault)
  }

  mend(fault: Fault): void {
    if (fault === 'SYN dropped') filter(['flush', 'chain', 'inet', 'faults', 'in'])
    else if (fault === 'SIGSTOP') this.#signal('SIGCONT')
    else this.start()
  }

  end(): void {
    this.#signal('SIGCONT')
    this.#signal('SIGKILL')
  }

  #syn(): string[] {
    return ['tcp', 'dport', `${this.port}`, 'tcp', 'flags', '&', '(syn|ack)', '==', 'syn']
  }

  /** PostgreSQL has a process for each connection, which is to fare like the first. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid
    if (pid === undefined) return
    const all = [pid, ...childrenOf(pid)]
    for (const each of all) {
      try {
        process.kill(each, signal)
      } catch {
        // it has ended by itself
      }
    }
    const state = STATES[signal]
    const untilMs = performance.now() + TAKES_MS_MAX
    const isDone = (each: number): boolean => state?.test(stateOf(each)) === true && !hasThreads(each, signal)
    while (state && !all.every(isDone) && performance.now() < untilMs);
  }
}

export const filter = (words: readonly string[]): unknown => execFileSync('nft', words)

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter(each => /^\d+$/.test(each))
    .map(Number)
    .filter(each => parentOf(each) === pid)
}

const parentOf = (pid: number): number => Number(statOf(pid)[1])

/** Whether a process that is killed still has others than its first one, which keep its sockets. */
function hasThreads(pid: number, signal: NodeJS.Signals): boolean {
  if (signal !== 'SIGKILL') return false
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1
  } catch {
    return false
  }
}

/** The state of a process that is no more is X. */
const stateOf = (pid: number): string => statOf(pid)[0]

/** Its stat from the third word on, behind the name in brackets (proc(5)). */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return ['X', '0']
  }
}
