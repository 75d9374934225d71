/**
 * The demo: servers that answer in place of Pods, so that rules can be tried without a cluster.
 *
 * A Pod with the annotation `gateway.weir/demo-reply: hello` gets a server at each container port
 * of its IP, a loopback address: it answers every line with "hello " and the line. weir shows the
 * text of `gateway.weir/demo-try` on any resource at the start, as something to type.
 */

import { createServer, type Server } from 'node:net'
import { contains, formatEndpoint, parseAddress, parseCidr } from '../address/address.ts'
import { Findings } from '../config/findings/diagnostic.ts'
import type { Resource } from '../config/resource.ts'
import { readDocuments } from '../config/text/read-documents.ts'
import type { Logger } from '../control/observe/log.ts'
import { readFiles, type Sources } from '../source/files/files.ts'

const REPLY = 'gateway.weir/demo-reply'
const TRY = 'gateway.weir/demo-try'
const LOOPBACK = ['127.0.0.0/8', '::1'].map(text => parseCidr(text))

type Pod = {
  readonly spec?: {
    readonly containers?: readonly { readonly ports?: readonly { readonly containerPort?: unknown }[] }[]
  }
  readonly status?: { readonly podIP?: unknown }
}

/** An address and port to answer at. */
type Stand = { readonly address: string; readonly port: number; readonly reply: string; readonly pod: string }

export class Demo {
  readonly #sources: Sources
  readonly #log: Logger
  readonly #servers = new Map<string, Server>()
  /** Those that could not be opened: tried again at each reload, reported once. */
  readonly #failed = new Set<string>()

  constructor(sources: Sources, log: Logger) {
    this.#sources = sources
    this.#log = log
  }

  /** Opens and closes servers until they match the files. */
  async refresh(): Promise<void> {
    const stands = new Map(
      this.#resources()
        .flatMap(standsOf)
        .map(each => [JSON.stringify(each), each]),
    )
    const gone = [...this.#servers].filter(([key]) => !stands.has(key))
    await Promise.all(gone.map(([key, server]) => this.#close(key, server)))
    const added = [...stands].filter(([key]) => !this.#servers.has(key))
    await Promise.all(added.map(([key, stand]) => this.#open(key, stand)))
  }

  tellWhatToTry(): void {
    for (const { metadata } of this.#resources()) {
      const line = metadata.annotations[TRY]
      if (line !== undefined) this.#log.info({ try: line }, `try: ${line}`)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers].map(([key, server]) => this.#close(key, server)))
  }

  #resources(): readonly Resource[] {
    return readDocuments(readFiles(this.#sources), new Findings())
  }

  #open(key: string, { address, port, reply, pod }: Stand): Promise<void> {
    const where = formatEndpoint(address, port)
    const server = createServer(socket => {
      socket.setEncoding('utf8')
      socket.on('error', () => socket.destroy())
      socket.on('data', (text: string) => {
        for (const line of text.match(/[^\n]*\n|[^\n]+/g) ?? []) socket.write(`${reply} ${line}`)
      })
    })
    this.#servers.set(key, server)
    const { promise, resolve } = Promise.withResolvers<void>()
    server.on('error', ({ code }: NodeJS.ErrnoException) => {
      this.#servers.delete(key)
      if (!this.#failed.has(key))
        this.#log.error({ pod, at: where, code }, `demo: ${pod} cannot answer at ${where} (${code})`)
      this.#failed.add(key)
      resolve()
    })
    server.listen(port, address, () => {
      this.#log.info({ pod, at: where, reply }, `demo: ${pod} answers "${reply} …" at ${where}`)
      resolve()
    })
    return promise
  }

  /** Not awaited: its connections may continue. */
  async #close(key: string, server: Server): Promise<void> {
    this.#servers.delete(key)
    server.close()
  }
}

function standsOf({ kind, metadata, value, id }: Resource): Stand[] {
  const reply = metadata.annotations[REPLY]
  const { spec, status } = value as Pod
  const address = status?.podIP
  if (kind !== 'Pod' || reply === undefined || typeof address !== 'string' || !isLoopback(address)) return []
  const ports = (spec?.containers ?? []).flatMap(each => each.ports ?? []).map(each => each.containerPort)
  return ports.filter(port => typeof port === 'number').map(port => ({ address, port, reply, pod: id }))
}

/** Only on these addresses may the demo impersonate Pods. */
function isLoopback(text: string): boolean {
  const address = parseAddress(text)
  return address !== null && LOOPBACK.some(range => range && contains(range, address.family, address.words))
}
