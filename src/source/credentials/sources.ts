/** The bytes that a credential's sources lead to, each with its place, in words for people. */

import { readFileSync, realpathSync, statSync } from 'node:fs'
import { configMapKey, type SecretData } from '../../config/plan/secrets.ts'

/** A missing or unreadable source: why. */
export class Unusable extends Error {}

/** Bytes, and where they are from: "/etc/certs/tls.crt", "Secret shop/cert tls.crt". */
export type Found = { readonly bytes: Uint8Array; readonly from: string }

export type Secrets = ReadonlyMap<string, SecretData>

/** As istiod reads them (pilot/pkg/credentials/kube/secrets.go): a generic name wins. */
const PAIR_KEYS = [
  ['cert', 'key'],
  ['tls.crt', 'tls.key'],
] as const
const AUTHORITY_KEYS = [
  ['cacert', 'crl'],
  ['ca.crt', 'ca.crl'],
] as const
const CONFIG_MAP_KEY = 'ca.crt'
const STAPLE_KEY = 'tls.ocsp-staple'

/** A certificate's file is small; more is something else. */
const FILE_BYTES_MAX = 1024 ** 2

export class Sources {
  /** The files that were asked for. */
  readonly files = new Set<string>()
  readonly #secrets: Secrets

  constructor(secrets: Secrets) {
    this.#secrets = secrets
  }

  file(path: string): Found {
    this.files.add(path)
    try {
      const stats = statSync(path)
      if (!stats.isFile()) throw new Unusable(`${path} is no file`)
      if (stats.size > FILE_BYTES_MAX) throw new Unusable(`${path} is larger than 1 MiB`)
      const bytes = readFileSync(path)
      if (bytes.length === 0) throw new Unusable(`${path} is empty`)
      return { bytes, from: path }
    } catch (error) {
      if (error instanceof Unusable) throw error
      throw new Unusable(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'error'}`)
    }
  }

  pair(secret: string): { certificate: Found; key: Found; staple: Found | null } {
    const data = this.#dataOf(secret)
    const keys = PAIR_KEYS.find(names => names.every(name => hasBytes(data, name)))
    if (!keys) throw new Unusable(`Secret ${secret} ${missing(data, PAIR_KEYS)}`)
    const [certificate, key] = keys.map(name => found(secret, name, data))
    return { certificate, key, staple: hasBytes(data, STAPLE_KEY) ? found(secret, STAPLE_KEY, data) : null }
  }

  /** @param beside  First in the Secret of this name with "-cacert". */
  authorities(secret: string, beside: boolean): { authorities: Found; crl: Found | null } {
    const own = `${secret}-cacert`
    const name = beside && this.#secrets.has(own) ? own : secret
    const data = this.#dataOf(name)
    const keys = AUTHORITY_KEYS.find(([authority]) => hasBytes(data, authority))
    if (!keys) throw new Unusable(`Secret ${name} has no authority: neither cacert nor ca.crt`)
    const [authority, crl] = keys
    return {
      authorities: found(name, authority, data),
      crl: hasBytes(data, crl) ? found(name, crl, data) : null,
    }
  }

  /** As BackendTLSPolicy names them. */
  configMap(id: string): { authorities: Found; crl: null } {
    const bytes = this.#secrets.get(configMapKey(id))?.get(CONFIG_MAP_KEY)
    const from = `ConfigMap ${id} ${CONFIG_MAP_KEY}`
    if (!bytes || bytes.length === 0) throw new Unusable(`${from} is not among the resources`)
    return { authorities: { bytes, from }, crl: null }
  }

  #dataOf(secret: string): SecretData {
    const data = this.#secrets.get(secret)
    if (!data) throw new Unusable(`Secret ${secret} is not among the resources`)
    return data
  }
}

const hasBytes = (data: SecretData, key: string): boolean => (data.get(key)?.length ?? 0) > 0

const found = (secret: string, key: string, data: SecretData): Found => ({
  bytes: data.get(key) ?? new Uint8Array(),
  from: `Secret ${secret} ${key}`,
})

function missing(data: SecretData, wanted: readonly (readonly string[])[]): string {
  const names = wanted.flat()
  const malformed = names.find(name => data.get(name) === null)
  if (malformed) return `has no base64 in ${malformed}`
  const empty = names.find(name => data.get(name)?.length === 0)
  if (empty) return `has nothing in ${empty}`
  return `has neither ${wanted.map(pair => pair.join(' and ')).join(' nor ')}`
}

/** Whether everybody on the machine may read a file; what a kubelet mounts is another's matter. */
export function isOpen(path: string): boolean {
  try {
    const isMounted = realpathSync(path)
      .split('/')
      .some(part => part.startsWith('..'))
    return !isMounted && (statSync(path).mode & 0o004) !== 0
  } catch {
    return false
  }
}
