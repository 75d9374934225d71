/**
 * A real API server with its etcd, where a machine has them: KUBE_APISERVER is the path of
 * kube-apiserver, and Debian's etcd-server is on the PATH. Tried with 1.20.2.
 *
 * No controllers run: who needs EndpointSlices, writes them.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'

const { KUBE_APISERVER } = process.env
const hasEtcd = KUBE_APISERVER !== undefined && spawnSync('etcd', ['--version']).status === 0

/** Why tests with the real API server are skipped. */
export const noCluster = hasEtcd
  ? false
  : 'needs KUBE_APISERVER=path of kube-apiserver, and etcd (etcd-server) on the PATH'

const TOKEN = 'admin-token'
const START_MS_MAX = 120_000
/** A free port may be taken for somebody's connection before it is opened. */
const ATTEMPTS_MAX = 5

export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-cluster-'))
  #ports: readonly number[] = []
  #etcd: ChildProcess | undefined
  #api: ChildProcess | undefined

  static async start(): Promise<Cluster> {
    for (let attempt = 1; ; attempt++) {
      const cluster = new Cluster()
      try {
        await cluster.#start()
        return cluster
      } catch (error) {
        await cluster.stop()
        if (attempt === ATTEMPTS_MAX || !String(error).includes('address already in use')) throw error
      }
    }
  }

  private constructor() {}

  async #start(): Promise<void> {
    this.#ports = await freePorts(3)
    const [, etcd, peer] = this.#ports
    const [clients, peers] = [etcd, peer].map(port => `http://127.0.0.1:${port}`)
    mkdirSync(join(this.folder, 'certs'))
    writeFileSync(join(this.folder, 'tokens.csv'), `${TOKEN},admin,admin,system:masters\n`)
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const key = privateKey.export({ type: 'pkcs1', format: 'pem' })
    writeFileSync(join(this.folder, 'accounts.key'), key)
    this.#etcd = this.#spawn('etcd', 'etcd', {
      'data-dir': join(this.folder, 'etcd'),
      'listen-client-urls': clients,
      'advertise-client-urls': clients,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `default=${peers}`,
      'unsafe-no-fsync': 'true',
    })
    await this.startApi()
  }

  get server(): string {
    return `https://127.0.0.1:${this.#ports[0]}`
  }

  /** Resolves once the API server is ready. */
  async startApi(): Promise<void> {
    const key = join(this.folder, 'accounts.key')
    const [port, etcd] = this.#ports
    this.#api = this.#spawn('kube-apiserver', KUBE_APISERVER as string, {
      'etcd-servers': `http://127.0.0.1:${etcd}`,
      'cert-dir': join(this.folder, 'certs'),
      'bind-address': '127.0.0.1',
      'advertise-address': '127.0.0.1',
      'secure-port': String(port),
      'service-cluster-ip-range': '10.96.0.0/16',
      'service-account-key-file': key,
      'service-account-signing-key-file': key,
      'service-account-issuer': 'https://kubernetes.default.svc',
      'token-auth-file': join(this.folder, 'tokens.csv'),
      'authorization-mode': 'RBAC',
      'disable-admission-plugins': 'ServiceAccount', // nobody makes service accounts here
      'endpoint-reconciler-type': 'none',
    })
    const late = Date.now() + START_MS_MAX
    while ((await this.#readyCode()) !== 200) {
      if (this.#api.exitCode !== null || Date.now() > late) throw new Error(this.#log('kube-apiserver'))
      await after(200)
    }
  }

  /** As the kernel does when memory runs out. */
  async killApi(): Promise<void> {
    await ended(this.#api, 'SIGKILL')
  }

  /** etcd forgets its history up to now, as it does every five minutes in a cluster. */
  async compact(): Promise<void> {
    const { header } = await this.#etcdCall('kv/range', { key: 'AA==' })
    await this.#etcdCall('kv/compaction', { revision: header?.revision, physical: true })
  }

  async stop(): Promise<void> {
    await ended(this.#api, 'SIGKILL')
    await ended(this.#etcd, 'SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  get authority(): string {
    return readFileSync(join(this.folder, 'certs/apiserver.crt'), 'utf8')
  }

  kubeconfig(): string {
    const authority = Buffer.from(this.authority).toString('base64')
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'real',
      contexts: [{ name: 'real', context: { cluster: 'real', user: 'admin', namespace: 'default' } }],
      clusters: [{ name: 'real', cluster: { server: this.server, 'certificate-authority-data': authority } }],
      users: [{ name: 'admin', user: { token: TOKEN } }],
    })
  }

  async #readyCode(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    // It makes its certificate while it starts, so there is none to trust yet.
    const options = { rejectUnauthorized: false, headers: { authorization: `Bearer ${TOKEN}` }, agent: false }
    get(`${this.server}/readyz`, options, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    }).on('error', () => resolve(0))
    return promise
  }

  async #etcdCall(call: string, body: object): Promise<{ header?: { revision: string } }> {
    const url = `http://127.0.0.1:${this.#ports[1]}/v3/${call}`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`etcd: ${await response.text()}`)
    return (await response.json()) as { header?: { revision: string } }
  }

  #spawn(title: string, program: string, flags: Readonly<Record<string, string>>): ChildProcess {
    const words = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.pipe(createWriteStream(join(this.folder, `${title}.log`), { flags: 'a' }))
    return child
  }

  #log(title: string): string {
    return readFileSync(join(this.folder, `${title}.log`), 'utf8').slice(-2000)
  }
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const { promise, resolve } = Promise.withResolvers<void>()
  child.once('exit', () => resolve())
  child.kill(signal)
  await promise
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(each => new Promise(resolve => each.once('listening', resolve))))
  const ports = servers.map(each => (each.address() as { port: number }).port)
  await Promise.all(servers.map(each => new Promise(resolve => each.close(resolve))))
  return ports
}
