/**
 * Credentials: the certificates, keys and authorities that Gateways and DestinationRules name.
 *
 * Planning only collects the names: it reads no file, and no Plan has a key. What they lead to is
 * read and checked by source/credentials.
 */

import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'

/** Where a certificate with its key is. */
export type PairSource =
  | { readonly secret: string }
  | { readonly certificate: string; readonly privateKey: string }

/** Where authorities, and a revocation list with them, are. */
export type AuthoritySource =
  /** In a Secret; `beside`, first in the one of the same name with "-cacert". */
  | { readonly secret: string; readonly beside: boolean }
  /** `ca.crt` of a ConfigMap: "namespace/name". */
  | { readonly configMap: string }
  | { readonly file: string; readonly crl: string | null }

export type Credential = {
  /** The same for the same sources: what a row of the table names. */
  readonly id: string
  readonly pairs: readonly PairSource[]
  readonly authorities: AuthoritySource | null
  /** Who asks for it, for people: "Gateway shop/edge servers[0]". */
  readonly uses: readonly CredentialUse[]
}

type CredentialUse = {
  readonly name: string
  readonly resource: Resource
  readonly path: Path
  /**
   * The server that is closed without it: the same text for as long as a server of the same Gateway
   * takes the same clients, by the same Secrets of other namespaces. null: a destination, which
   * cannot be dialed.
   */
  readonly server: string | null
}

export class Credentials {
  readonly #byId = new Map<string, Credential>()
  readonly #findings: Findings

  constructor(findings: Findings) {
    this.#findings = findings
  }

  get list(): readonly Credential[] {
    return [...this.#byId.values()]
  }

  /** The id of these sources. */
  add(pairs: readonly PairSource[], authorities: AuthoritySource | null, use: CredentialUse): string {
    const id = JSON.stringify([pairs, authorities])
    const known = this.#byId.get(id)
    this.#byId.set(id, { id, pairs, authorities, uses: [...(known?.uses ?? []), use] })
    return id
  }

  /**
   * The Secret that a credentialName means: "name", in a namespace of the reader's, or
   * "kubernetes://name" and "kubernetes-gateway://namespace/name" (istio/pkg/model/credentials).
   */
  secretOf(written: string, namespace: string, resource: Resource, path: Path): string {
    const [, scheme = 'kubernetes', name] = /^(?:([a-z-]+):\/\/)?(.*)$/s.exec(written) ?? []
    if (!KUBERNETES.includes(scheme))
      this.#findings.at('CFG501', resource, path, `${quote(written)} is no Secret; weir reads no other store`)
    return name.includes('/') ? name : `${namespace}/${name}`
  }
}

const KUBERNETES = ['kubernetes', 'kubernetes-gateway']
