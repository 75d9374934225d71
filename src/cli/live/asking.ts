/** What every command that asks a running gateway takes: the gateway, and how much to show. */

import { InvalidArgumentError, Option } from 'commander'
import type { AdminPlace } from '../../admin/admin-place.ts'
import { adminPlace, integerUpTo } from '../options.ts'
import type { Client } from './client.ts'

export type WithAdmin = { readonly admin?: AdminPlace }
/** Runs a command with a client; if there is no answer, prints the reason in one line. */
export type Ask = (admin: AdminPlace | undefined, body: (client: Client) => Promise<number>) => Promise<void>

const LIMIT = 100
const LIMIT_MAX = 1_000_000

export const adminOption = (): Option =>
  new Option('--admin <ADDRESS>', 'the gateway: 127.0.0.1:15021 or unix:PATH; default: WEIR_ADMIN').argParser(
    adminPlace,
  )

export const limitOption = (what: string, limit = LIMIT): Option =>
  new Option('--limit <N>', `at most this many ${what}`).argParser(atLeastOne).default(limit)

function atLeastOne(text: string): number {
  const value = integerUpTo(LIMIT_MAX)(text)
  if (value === 0) throw new InvalidArgumentError('It must be at least 1.')
  return value
}
