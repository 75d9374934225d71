/**
 * `weir certificates`: the certificates in force, those that expire first.
 *
 *   UNTIL                 SUBJECT    NAMES   ISSUER   FROM
 *   2027-01-01T00:00:00Z  CN=a.test  a.test  CN=root  Secret shop/cert tls.crt
 */

import { printable } from '../../base/printable.ts'
import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'
import { columns } from './format.ts'

type Certificates = {
  readonly certificates: readonly {
    readonly subject: string
    readonly names: readonly string[]
    readonly issuer: string
    readonly notAfter: string
    readonly from: string
  }[]
  readonly stale: readonly { readonly use: string; readonly why: string }[]
  readonly closed: readonly { readonly server: string; readonly why: string }[]
}

/** Names in a line. */
const NAMES_MAX = 4

export async function certificates(client: Client, output: 'text' | 'json', env: Env): Promise<number> {
  const answer: Certificates = await client.get('/certificates')
  const text = output === 'json' ? JSON.stringify(answer, null, 2) : linesOf(answer).map(printable).join('\n')
  env.stdout.write(`${text}\n`)
  return Exit.ok
}

function linesOf({ certificates, stale, closed }: Certificates): string[] {
  const head = ['UNTIL', 'SUBJECT', 'NAMES', 'ISSUER', 'FROM']
  const rows = certificates.map(({ subject, names, issuer, notAfter, from }) => [
    notAfter.replace('.000', ''),
    subject,
    namesText(names),
    issuer,
    from,
  ])
  const table = rows.length === 0 ? ['no certificate'] : columns([head, ...rows], new Set())
  return [
    ...table,
    ...stale.map(({ use, why }) => `the last good one: ${use}: ${why}`),
    ...closed.map(({ server, why }) => `closed: ${server}: ${why}`),
  ]
}

function namesText(names: readonly string[]): string {
  const rest = names.length - NAMES_MAX
  return names.slice(0, NAMES_MAX).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
