/** Certificates for the proxies of `tls`: one of each kind, made by openssl(1) for this run. */

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installed } from '../installed.ts'

export type Kind = { readonly name: string; readonly id: string; readonly options: readonly string[] }

export const KINDS: readonly Kind[] = [
  { name: 'ECDSA P-256', id: 'ecdsa', options: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] },
  { name: 'RSA 2048', id: 'rsa', options: ['-newkey', 'rsa:2048'] },
]

/** Files in PEM; `both` is the certificate and the key, as HAProxy wants them. */
export type Files = { readonly certificate: string; readonly key: string; readonly both: string }

export const filesOf = (folder: string, { id }: Kind): Files => ({
  certificate: join(folder, `${id}.crt`),
  key: join(folder, `${id}.key`),
  both: join(folder, `${id}.pem`),
})

/** Why there can be none; '' if there can. */
export const missingOpenssl = (): string =>
  installed('openssl') === '' ? 'openssl is not on PATH; on Debian: apt-get install openssl' : ''

export function makeCertificates(folder: string): void {
  for (const kind of KINDS) {
    const { certificate, key, both } = filesOf(folder, kind)
    const files = ['-keyout', key, '-out', certificate]
    const subject = ['-subj', '/CN=server.example', '-addext', 'subjectAltName=DNS:server.example']
    execFileSync(
      installed('openssl'),
      [...['req', '-x509', '-nodes', '-days', '30', '-sha256'], ...kind.options, ...files, ...subject],
      { stdio: 'pipe' },
    )
    writeFileSync(both, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 })
  }
}
