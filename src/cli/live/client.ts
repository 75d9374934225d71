/**
 * Asks a running gateway, by its admin listener.
 *
 * Its address is --admin, else WEIR_ADMIN, else the default of the Settings.
 */

import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { DEFAULT_ADMIN } from '../../config/settings/settings.ts'
import { type AdminPlace, formatAdminPlace, parseAdminPlace } from '../admin-place.ts'
import { type Env, Exit } from '../env.ts'
import { NoAnswer } from './answered.ts'

/** A comparison of large configurations is slow. */
const ANSWER_MS_MAX = 60_000

export type Client = {
  readonly where: string
  get<Answer>(
    path: string,
    query?: Readonly<Record<string, string | number | boolean | undefined>>,
  ): Promise<Answer>
  send<Answer>(method: 'POST' | 'PUT', path: string, body: unknown): Promise<Answer>
}

export function clientOf(admin: AdminPlace | undefined, { variables }: Env): Client {
  const place = admin ?? placeIn(variables.WEIR_ADMIN)
  const token = tokenIn(variables.WEIR_ADMIN_TOKEN_FILE)
  const where = formatAdminPlace(place)
  return {
    where,
    get: (path, query = {}) => ask(place, where, token, 'GET', path + queryText(query), undefined),
    send: (method, path, body) => ask(place, where, token, method, path, JSON.stringify(body)),
  }
}

function placeIn(variable: string | undefined): AdminPlace {
  if (variable === undefined || variable === '') return DEFAULT_ADMIN
  const place = parseAdminPlace(variable)
  if (!place)
    throw new NoAnswer(
      `WEIR_ADMIN is "${variable}", which is no address like 127.0.0.1:15021 or unix:PATH`,
      Exit.usage,
    )
  return place
}

/** The token that a gateway with admin.auth asks for. */
function tokenIn(file: string | undefined): string | null {
  if (file === undefined || file === '') return null
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new NoAnswer(`WEIR_ADMIN_TOKEN_FILE is "${file}", which cannot be read (${code})`, Exit.usage)
  }
}

function queryText(query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

async function ask<Answer>(
  { address, port, socket }: AdminPlace,
  where: string,
  token: string | null,
  method: string,
  path: string,
  body: string | undefined,
): Promise<Answer> {
  const host = socket === '' ? formatAdminPlace({ address, port, socket }) : 'localhost'
  const headers = {
    host,
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  }
  const to = socket === '' ? { host: address, port } : { socketPath: socket }
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const asking = request({ ...to, method, path, headers, agent: false, timeout: ANSWER_MS_MAX }, resolve)
    asking.on('error', reject)
    asking.on('timeout', () => asking.destroy(new Error(`no answer for ${ANSWER_MS_MAX / 1000} s`)))
    asking.end(body)
    const answer = await promise
    return take(answer.statusCode ?? 0, (await buffer(answer)).toString(), where)
  } catch (error) {
    if (error instanceof NoAnswer) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new NoAnswer(
      `no gateway answers at ${where} (${code ?? message}): is weir running, and is --admin right?`,
    )
  }
}

function take<Answer>(status: number, text: string, where: string): Answer {
  const answer = parse(text)
  if (answer === undefined) throw new NoAnswer(`what answers at ${where} is no weir (status ${status})`)
  if (status >= 200 && status < 300) return answer as Answer
  const { message, hint } = Object(answer) as { message?: unknown; hint?: unknown }
  const said = typeof message === 'string' ? message : `status ${status}`
  const cure = typeof hint === 'string' ? ` (${hint})` : ''
  throw new NoAnswer(`${said}${cure}`, status === 400 ? Exit.usage : Exit.failed)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
