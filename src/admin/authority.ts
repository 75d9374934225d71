/**
 * Who may read and who may change, by `admin.auth` of the Settings.
 *
 *             without admin.auth          with it
 *   read      whoever can connect         the same; once a token has the role read, a token of any
 *                                         role, or a peer of the UNIX socket
 *   change    loopback, the UNIX socket   a token of role change, or a peer of the UNIX socket
 *
 * Peers of the UNIX socket are root, the gateway's own user, and `peerUids` (SO_PEERCRED, unix(7)).
 * Probes and the files of the page are open: the page itself asks for the token.
 *
 * Token files are read again when they change, so a token is renewed without a restart. A file that
 * cannot be read, or is too short to be a secret, lets nobody in.
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { FastifyRequest } from 'fastify'
import type { AdminAuth } from '../config/settings/settings.ts'
import type { Logger } from '../control/observe/log.ts'
import { Problem } from './problem.ts'

/** How a caller came in: what its socket says of it, noted at accept (gate.ts). */
export type Caller = {
  /** On this machine: by loopback or the UNIX socket. */
  readonly isLocal: boolean
  /** Of a peer of the UNIX socket; null: not one, or unknown. */
  readonly uid: number | null
  /** In words. */
  readonly from: string
}

type Role = 'read' | 'change'
/** Who a caller is, in words, and what it may do. */
export type Granted = { readonly who: string; readonly role: Role | 'none'; readonly byToken: boolean }

export const READING: ReadonlySet<string> = new Set(['GET', 'HEAD'])
/** Of a token; fewer characters can be tried. */
const TOKEN_LEAST = 16
const TOKEN_MOST = 4_096

type Token = {
  readonly file: string
  readonly role: Role
  /** What the file looked like when it was read; null: it could not be. */
  seen: string
  digest: Buffer | null
}

export class Authority {
  readonly isOn: boolean
  readonly #tokens: readonly Token[]
  readonly #uids: ReadonlySet<number>
  readonly #log: Pick<Logger, 'error'> | null
  readonly #readsNeedToken: boolean

  constructor(auth: AdminAuth | null, log: Pick<Logger, 'error'> | null = null) {
    this.isOn = auth !== null
    this.#log = log
    this.#tokens = (auth?.tokens ?? []).map(each => ({ ...each, seen: '', digest: null }))
    this.#uids = new Set([0, process.getuid?.() ?? 0, ...(auth?.peerUids ?? [])])
    this.#readsNeedToken = this.#tokens.some(each => each.role === 'read')
  }

  /** Reads the tokens, and logs which cannot be read. */
  async open(): Promise<void> {
    await Promise.all(this.#tokens.map(each => this.#refresh(each)))
  }

  /** What the sender of a request may do. */
  async granted({ headers }: Pick<FastifyRequest, 'headers'>, caller: Caller): Promise<Granted> {
    const { isLocal, uid, from } = caller
    if (!this.isOn) return { who: from, role: isLocal ? 'change' : 'read', byToken: false }
    const token = await this.#tokenOf(headers.authorization)
    if (token) return { who: `token ${basename(token.file)}`, role: token.role, byToken: true }
    if (uid !== null && this.#uids.has(uid)) return { who: `uid ${uid}`, role: 'change', byToken: false }
    // A peer that the socket's mode lets in, though it is none of those named.
    const isStranger = uid !== null || this.#readsNeedToken
    return { who: from, role: isStranger ? 'none' : 'read', byToken: false }
  }

  /** Throws what is to be answered if this must not be. */
  check({ method, headers }: Pick<FastifyRequest, 'method' | 'headers'>, { who, role }: Granted): void {
    if (role === 'change' || (role === 'read' && READING.has(method))) return
    if (!this.isOn) throw notLocal(method)
    if (headers.authorization === undefined) throw noToken(method)
    throw notAllowed(method, who)
  }

  async #tokenOf(header: string | undefined): Promise<Token | null> {
    const [, presented] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? []
    if (presented === undefined || presented.length > TOKEN_MOST) return null
    const digest = digestOf(presented)
    let found: Token | null = null
    for (const token of this.#tokens) {
      await this.#refresh(token)
      const isIt = token.digest !== null && timingSafeEqual(token.digest, digest)
      if (isIt && found?.role !== 'change') found = token
    }
    return found
  }

  async #refresh(token: Token): Promise<void> {
    try {
      const { ino, size, mtimeMs } = await stat(token.file)
      const seen = `${ino} ${size} ${mtimeMs}`
      if (seen === token.seen) return
      const text = size > TOKEN_MOST ? '' : (await readFile(token.file, 'utf8')).trim()
      token.seen = seen
      token.digest = text.length < TOKEN_LEAST ? null : digestOf(text)
      if (token.digest === null) this.#tell(token, `must have ${TOKEN_LEAST} to ${TOKEN_MOST} characters`)
    } catch (error) {
      const { code = 'error' } = error as NodeJS.ErrnoException
      if (token.seen !== code) this.#tell(token, `cannot be read (${code})`)
      token.seen = code
      token.digest = null
    }
  }

  #tell({ file }: Token, what: string): void {
    this.#log?.error({ file }, `admin.auth: the token file ${file} ${what}: nobody gets in by it`)
  }
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

const notLocal = (method: string): Problem =>
  new Problem(
    403,
    'local-only',
    `${method} is taken from this machine only, by loopback or the UNIX socket`,
    'connect from the machine itself, or forward the port: ssh -L 15021:127.0.0.1:15021 HOST, kubectl port-forward POD 15021',
  )

const noToken = (method: string): Problem =>
  new Problem(
    401,
    'no-token',
    `${method} needs a token here`,
    'send it as "Authorization: Bearer TOKEN"; commands of weir take its file from WEIR_ADMIN_TOKEN_FILE',
  )

const notAllowed = (method: string, who: string): Problem =>
  new Problem(
    403,
    'not-allowed',
    `${who} may not ${READING.has(method) ? 'read' : 'change'} anything here`,
    'the Settings say who may: admin.auth',
  )
