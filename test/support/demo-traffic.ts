/**
 * The demo as somebody would run it, in a folder of its own and at free ports, with clients that
 * come and go.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from './sockets.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** telnet-client, telnet-client-2, and the one in namespace foo: config/telnet.yaml. */
const CLIENTS = ['127.0.10.1', '127.0.10.1', '127.0.10.1', '127.0.10.1', '127.0.10.2', '127.0.10.3']

export type Demo = {
  readonly url: string
  readonly port: number
  /** Replaces a text of config/virtual-service.yaml, and saves. */
  edit(old: string, now: string): void
  /** Waits for a line of the log. */
  logged(text: string): Promise<void>
  stop(): Promise<void>
}

/** @param files  More files of the configuration, by name. */
export async function startDemo(files: Readonly<Record<string, string>> = {}): Promise<Demo> {
  const root = mkdtempSync(join(tmpdir(), 'weir-demo-'))
  cpSync(join(ROOT, 'config'), join(root, 'config'), {
    recursive: true,
    filter: from => !/examples|grafana/.test(from),
  })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, 'config', name), text)
  const port = await freePort()
  const gateways = join(root, 'config/gateways.yaml')
  writeFileSync(gateways, readFileSync(gateways, 'utf8').replaceAll('19000', String(port)))
  const child = spawn(
    process.execPath,
    [join(ROOT, 'src/cli/weir.js'), 'run', '--demo', '--workers', '2', '--admin', '127.0.0.1:0', 'config'],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const lines: string[] = []
  let grown = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line)
    grown.resolve()
    grown = Promise.withResolvers()
  })
  const died = ended(child)
  died.catch(() => {})
  const line = async (text: string): Promise<string> => {
    for (;;) {
      const found = lines.find(each => each.includes(text))
      if (found !== undefined) return found
      await Promise.race([grown.promise, died])
    }
  }
  const [url = ''] = /http:[^"]*/.exec(await line('admin at ')) ?? []
  await line('every listener accepts')
  return {
    url,
    port,
    edit: (old, now) => {
      const file = join(root, 'config/virtual-service.yaml')
      writeFileSync(file, readFileSync(file, 'utf8').replace(old, now))
    },
    logged: async text => void (await line(text)),
    stop: async () => {
      const exit = once(child, 'exit')
      if (child.kill('SIGKILL')) await exit // as a gateway goes that nobody expected to
      rmSync(root, { recursive: true, force: true })
    },
  }
}

async function ended(child: ChildProcess): Promise<never> {
  await once(child, 'exit')
  throw new Error('the demo has ended')
}

/** About `perSecond` new connections, most of them short, from these clients; until the signal. */
export async function traffic(
  port: number,
  perSecond: number,
  signal: AbortSignal,
  clients: readonly string[] = CLIENTS,
): Promise<void> {
  const open = new Set<Socket>()
  for (let index = 0; !signal.aborted; index++) {
    const localAddress = clients[index % clients.length]
    const socket = connect({ port, host: index % 19 === 0 ? '127.0.0.2' : '127.0.0.1', localAddress })
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => {})
    void talk(socket, index, signal)
    // Uneven on purpose: a wave with a period of half a minute.
    const wave = 1 + 0.35 * Math.sin((Date.now() / 30_000) * 2 * Math.PI) + 0.3 * Math.random()
    await sleep(1000 / (perSecond * wave), undefined, { signal }).catch(() => {})
  }
  for (const socket of open) socket.destroy()
}

async function talk(socket: Socket, index: number, signal: AbortSignal): Promise<void> {
  const rounds = index % 25 === 0 ? 400 : 2 + (index % 4)
  for (let round = 0; round < rounds && !socket.destroyed && !signal.aborted; round++) {
    socket.write(`${'test '.repeat(1 + ((index + round) % 40))}\n`)
    await sleep(100, undefined, { signal }).catch(() => {})
  }
  if (index % 40 === 7) socket.resetAndDestroy()
  else socket.end()
  socket.resume()
}
