/**
 * A name server for tests, on UDP and TCP of a free port of 127.0.0.1: it answers as it is told,
 * and remembers what it was asked.
 */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { parseAddress } from '../../src/address/address.ts'
import type { SystemFiles } from '../../src/source/names/system-lookup.ts'

/** `silent`: no answer. `truncated`: by UDP, the answer is cut; TCP has the whole. */
type Way = 'nodata' | 'nxdomain' | 'servfail' | 'refused' | 'silent'

type Zone = {
  readonly A?: readonly string[] | Way
  readonly AAAA?: readonly string[] | Way
  readonly ttl?: number
  /** The name that it is an alias of, and the lifetime of that record. */
  readonly cname?: { readonly name: string; readonly ttl: number }
  readonly truncated?: boolean
  /** Holds the answer back until then. */
  readonly after?: Promise<unknown>
}

const RCODES: { readonly [way in Way]: number } = {
  nodata: 0,
  silent: 0,
  servfail: 2,
  nxdomain: 3,
  refused: 5,
}

const TYPES: Readonly<Record<number, 'A' | 'AAAA'>> = { 1: 'A', 28: 'AAAA' }

export type NameServer = {
  readonly port: number
  /** As resolv.conf names it. */
  readonly server: string
  /** What names answer; others do not exist. */
  readonly zone: Map<string, Zone>
  /** "A db.test", "AAAA db.test by TCP", in order. */
  readonly asked: string[]
  /** Resolves at the next question of this text, from now on. */
  next(question: string): Promise<void>
}

export async function nameServer(t: Pick<TestContext, 'after'>): Promise<NameServer> {
  const zone = new Map<string, Zone>()
  const asked: string[] = []
  const waiting = new Map<string, () => void>()
  const answer = async (question: Buffer, isTcp: boolean): Promise<Buffer | null> => {
    const { name, type, end } = questionOf(question)
    const text = `${TYPES[type] ?? type} ${name}${isTcp ? ' by TCP' : ''}`
    asked.push(text)
    waiting.get(text)?.()
    const entry = zone.get(name.toLowerCase())
    await entry?.after
    return answerTo(question.subarray(0, end), type, entry, isTcp)
  }
  const port = await serve(t, answer)
  const next = (question: string): Promise<void> => new Promise(resolve => waiting.set(question, resolve))
  return { port, server: `[127.0.0.1]:${port}`, zone, asked, next }
}

type Answering = (question: Buffer, isTcp: boolean) => Promise<Buffer | null>

/** One port for both; another one if somebody else has it for UDP. */
async function serve(t: Pick<TestContext, 'after'>, answer: Answering): Promise<number> {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    let got = Buffer.alloc(0)
    socket.on('data', (data: Buffer) => {
      got = Buffer.concat([got, data])
      if (got.length < 2 || got.length < 2 + got.readUInt16BE(0)) return
      const question = got.subarray(2, 2 + got.readUInt16BE(0))
      got = Buffer.alloc(0)
      void answer(question, true).then(reply => {
        if (reply) socket.end(Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 255), reply]))
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const udp = createSocket('udp4')
  let isOpen = true
  udp.on('message', (question, from) => {
    void answer(question, false).then(reply => {
      if (reply && isOpen) udp.send(reply, from.port, from.address)
    })
  })
  const bound = await new Promise<boolean>(resolve => {
    udp.once('error', () => resolve(false))
    udp.bind(port, '127.0.0.1', () => resolve(true))
  })
  const close = (): void => {
    isOpen = false
    udp.close()
    server.close()
  }
  if (!bound) {
    close()
    return serve(t, answer)
  }
  t.after(close)
  return port
}

function questionOf(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  while (message[at] !== 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]))
    at += 1 + message[at]
  }
  return { name: labels.join('.'), type: message.readUInt16BE(at + 1), end: at + 5 }
}

function answerTo(question: Buffer, type: number, entry: Zone | undefined, isTcp: boolean): Buffer | null {
  const records = entry ? (entry[TYPES[type] ?? 'A'] ?? 'nodata') : 'nxdomain'
  if (records === 'silent') return null
  const header = Buffer.from(question)
  header.writeUInt16BE(0x8180, 2) // response, recursion desired and available: RFC 1035 §4.1.1
  header.writeUInt16BE(0, 8)
  header.writeUInt16BE(0, 10)
  if (typeof records === 'string') {
    header[3] |= RCODES[records]
    return header
  }
  if (entry?.truncated && !isTcp) {
    header[2] |= 2
    return header
  }
  const { ttl = 0, cname } = entry ?? {}
  const owner = cname ? nameBytes(cname.name) : POINTER
  const alias = cname ? [record(POINTER, 5, cname.ttl, nameBytes(cname.name))] : []
  const found = records.map(address => record(owner, type, ttl, addressBytes(address)))
  header.writeUInt16BE(alias.length + found.length, 6)
  return Buffer.concat([header, ...alias, ...found])
}

/** The name in the question: RFC 1035 §4.1.4. */
const POINTER = Buffer.of(0xc0, 12)

const nameBytes = (name: string): Buffer =>
  Buffer.concat([
    ...name.split('.').map(label => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ])

function record(owner: Buffer, type: number, ttl: number, data: Buffer): Buffer {
  const fields = Buffer.alloc(10)
  fields.writeUInt16BE(type, 0)
  fields.writeUInt16BE(1, 2)
  fields.writeUInt32BE(ttl, 4)
  fields.writeUInt16BE(data.length, 8)
  return Buffer.concat([owner, fields, data])
}

function addressBytes(address: string): Buffer {
  const { family, words } = parseAddress(address) ?? { family: 0, words: [] }
  if (family === 4) return Buffer.from(address.split('.').map(Number))
  const bytes = Buffer.alloc(16)
  for (const [index, word] of [...words].entries()) bytes.writeUInt32BE(word, index * 4)
  return bytes
}

/** A hosts file and a resolv.conf of the test's own, which it can replace. */
export function nameFiles(t: Pick<TestContext, 'after'>, resolvConf: string, hosts = '') {
  const root = mkdtempSync(join(tmpdir(), 'weir-names-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const write = (name: string, text: string): void => {
    writeFileSync(join(root, `${name}.new`), text)
    renameSync(join(root, `${name}.new`), join(root, name))
  }
  write('resolv.conf', resolvConf)
  write('hosts', hosts)
  const files: SystemFiles = {
    hostsFile: join(root, 'hosts'),
    resolvConf: join(root, 'resolv.conf'),
    families: () => [4, 6],
  }
  return { files, write }
}
