/**
 * A Kubernetes API server for tests: enough of one for kubectl and for weir, in the test's own
 * process, with faults to order. test/kubernetes/kubectl.test.ts shows that kubectl works with it.
 */

import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { freePort } from '../../support/sockets.ts'
import { Access } from './access.ts'
import { type AnswerOptions, Answers } from './answers.ts'
import { followDefinitions } from './definitions.ts'
import { type Fault, Faults, type Injected, type When } from './faults.ts'
import { Kinds, type Older } from './kinds.ts'
import { type KubeObject, placeOf } from './object.ts'
import type { Recorded, Verb } from './request.ts'
import { Store } from './store.ts'
import type { Watch } from './watches.ts'

export interface FakeOptions extends AnswerOptions, Older {
  /** Kinds that are there from the beginning: crds.ts has Istio's and the Gateway API's. */
  readonly crds?: readonly KubeObject[]
  /** HTTPS by this pair, which asks for certificates that `clients` has signed. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clients?: string }
  /** How often each watch gets a bookmark. If absent, only when it ends or a test asks. */
  readonly bookmarkMs?: number
}

interface Credentials {
  readonly token?: string
  readonly cert?: string
  readonly key?: string
  /** Who signed the server's certificate. */
  readonly authority?: string
}

export class FakeApi {
  readonly store = new Store()
  readonly kinds: Kinds
  readonly access = new Access()
  readonly #faults = new Faults()
  readonly #answers: Answers
  readonly #options: FakeOptions
  #server!: ReturnType<typeof createServer>
  #port = 0
  readonly #connections = new Set<Socket>()
  /** On connections that are closed by now. */
  #sentBytes = 0
  #bookmarks: NodeJS.Timeout | undefined

  static async start(options: FakeOptions = {}): Promise<FakeApi> {
    const api = new FakeApi(options)
    await api.listen()
    return api
  }

  private constructor(options: FakeOptions) {
    this.#options = options
    this.kinds = new Kinds(options)
    const { store, kinds, access } = this
    this.#answers = new Answers({ store, kinds, access, faults: this.#faults }, options)
    followDefinitions(store, kinds, ({ group, plural }) => {
      for (const watch of this.watchesOf(plural)) if (watch.kind.group === group) watch.end()
    })
    for (const each of options.crds ?? []) this.put(each)
  }

  /** After stop() again at the same port, with what there was: a server that has been restarted. */
  async listen(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort()
    const { tls, bookmarkMs } = this.#options
    const listener: RequestListener = (request, response) => void this.#answers.answer(request, response)
    const clients = tls && { ca: tls.clients, requestCert: true, rejectUnauthorized: false }
    this.#server = tls
      ? createTlsServer({ cert: tls.cert, key: tls.key, ...clients }, listener)
      : createServer(listener)
    this.#server.on('connection', (socket: Socket) => {
      this.#connections.add(socket)
      socket.once('close', () => {
        this.#connections.delete(socket)
        this.#sentBytes += socket.bytesWritten
      })
    })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, '127.0.0.1', resolve)
    })
    if (bookmarkMs) this.#bookmarks = setInterval(() => this.bookmark(), bookmarkMs)
  }

  /** At once, with all connections, as a server that is killed. */
  async stop(): Promise<void> {
    clearInterval(this.#bookmarks)
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${this.#port}`
  }

  /** All requests so far, in the order of their answers. */
  get requests(): readonly Recorded[] {
    return this.#answers.requests
  }

  /** On all connections, headers and chunks included. */
  get sentBytes(): number {
    return [...this.#connections].reduce((sum, each) => sum + each.bytesWritten, this.#sentBytes)
  }

  /** Resolves when the next request is answered. */
  get nextRequest(): Promise<void> {
    return this.#answers.next
  }

  get watches(): ReadonlySet<Watch> {
    return this.#answers.watches
  }

  watchesOf(resource: string): Watch[] {
    return [...this.watches].filter(each => each.kind.plural === resource)
  }

  /** How many requests there were of this kind. */
  count(verb: Verb, resource?: string): number {
    return this.requests.filter(each => each.verb === verb && (!resource || each.plural === resource)).length
  }

  /** Creates the object or replaces it, status included, as other clients of the API would. */
  put(object: KubeObject): KubeObject {
    const kind = this.kinds.ofObject(object)
    const { resourceVersion, ...metadata } = object.metadata
    const given: KubeObject = { ...object, metadata }
    return this.store.has(kind, placeOf(metadata))
      ? this.store.replace(kind, given)
      : this.store.create(kind, given)
  }

  remove(object: KubeObject): void {
    this.store.remove(this.kinds.ofObject(object), placeOf(object.metadata))
  }

  /** The object as it is stored now. */
  get(object: KubeObject): KubeObject {
    return this.store.get(this.kinds.ofObject(object), placeOf(object.metadata))
  }

  inject(when: When, fault: Fault, times?: number): Injected {
    return this.#faults.inject(when, fault, times)
  }

  clearFaults(): void {
    this.#faults.clear()
  }

  /** Forgets the history: a watch from before and a list's next page get a 410. */
  compact(): void {
    this.store.compact()
    this.#answers.lists.compact()
  }

  bookmark(): void {
    for (const watch of this.watches) watch.bookmark()
  }

  /** For `--kubeconfig`, as JSON, which is YAML. */
  kubeconfig({ token, cert, key, authority }: Credentials = {}): string {
    const data = (pem: string | undefined): string | undefined => pem && Buffer.from(pem).toString('base64')
    const cluster = { server: this.url, 'certificate-authority-data': data(authority) }
    const user = { token, 'client-certificate-data': data(cert), 'client-key-data': data(key) }
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'fake',
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'test', namespace: 'default' } }],
      clusters: [{ name: 'fake', cluster }],
      users: [{ name: 'test', user }],
    })
  }
}
