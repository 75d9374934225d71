/**
 * Asks a running gateway, by its admin listener.
 *
 * Its address is --admin, else WEIR_ADMIN, else the default of the Settings.
 */

import { readFileSync } from 'node:fs'
import { type AdminPlace, formatAdminPlace, parseAdminPlace } from '../../admin/admin-place.ts'
import { askAdmin, Unanswered } from '../../admin/ask.ts'
import { DEFAULT_ADMIN } from '../../config/settings/settings.ts'
import { type Env, Exit } from '../env.ts'
import { NoAnswer, NoGateway } from './answered.ts'

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
    get: (path, query = {}) => ask(place, token, 'GET', path + queryText(query)),
    send: (method, path, body) => ask(place, token, method, path, JSON.stringify(body)),
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
export function tokenIn(file: string | undefined): string | null {
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
  place: AdminPlace,
  token: string | null,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: string,
): Promise<Answer> {
  try {
    return (await askAdmin(place, { method, path, body, token }, { idleMs: ANSWER_MS_MAX })) as Answer
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    const { status, message } = error
    if (status === 0) throw new NoGateway(`${message}: is weir running, and is --admin right?`)
    throw new NoAnswer(message, status === 400 ? Exit.usage : Exit.failed)
  }
}
