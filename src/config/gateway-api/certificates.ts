/** certificateRefs of listeners: Secrets with a certificate and its key, which may be used. */

import type { Path } from '../findings/diagnostic.ts'
import { GATEWAY_API } from '../kinds.ts'
import type { SecretData } from '../plan/secrets.ts'
import type { Resource } from '../resource.ts'
import type { Grants } from './grants.ts'
import type { Reference } from './inputs.ts'
import { no, type Verdict, yes } from './model.ts'

type Certificates = {
  readonly resolved: Verdict
  /** The Secrets with a certificate: 'namespace/name'. */
  readonly secrets: readonly string[]
  /** Where none has: those that it may use, so that what they had can stay in force. */
  readonly awaited: readonly string[]
}

type Known = { readonly grants: Grants; readonly secrets: ReadonlyMap<string, SecretData> }

/** @param resource  The Gateway or ListenerSet in which they are written. */
export function certificatesOf(
  references: readonly Reference[],
  resource: Resource,
  path: Path,
  known: Known,
): Certificates {
  const found = references.map((each, index) => readOne(each, resource, [...path, index], known))
  const wrong = found.find(each => !each.resolved.holds)
  const secrets = found.filter(each => each.resolved.holds).map(each => each.secret)
  return {
    resolved: wrong?.resolved ?? yes('ResolvedRefs', 'every certificate is there'),
    secrets,
    awaited: secrets.length > 0 ? [] : found.filter(each => each.isAllowed).map(each => each.secret),
  }
}

function readOne(
  { group = '', kind = 'Secret', name, namespace }: Reference,
  { kind: fromKind, metadata }: Resource,
  path: Path,
  { grants, secrets }: Known,
): { resolved: Verdict; secret: string; isAllowed: boolean } {
  const to = { group, kind, name, namespace: namespace ?? metadata.namespace }
  const secret = `${to.namespace}/${name}`
  const invalid = (why: string, isAllowed: boolean) => ({
    resolved: no('InvalidCertificateRef', why, path),
    secret,
    isAllowed,
  })
  if (group !== '' || kind !== 'Secret')
    return invalid(
      `certificates are in Secrets, not in ${group === '' ? kind : `${kind} of ${group}`}`,
      false,
    )
  if (!grants.allows({ group: GATEWAY_API, kind: fromKind, namespace: metadata.namespace }, to)) {
    const message = `no ReferenceGrant of namespace ${to.namespace} lets a ${fromKind} of ${metadata.namespace} use Secret ${secret}`
    return { resolved: no('RefNotPermitted', message, path), secret, isAllowed: false }
  }
  const data = secrets.get(secret)
  if (!data) return invalid(`Secret ${secret} is not among the resources`, true)
  const flaw = flawOf(data)
  return flaw === null
    ? { resolved: yes('ResolvedRefs', `Secret ${secret} has a certificate`), secret, isAllowed: true }
    : invalid(`Secret ${secret} ${flaw}`, true)
}

const PARTS = [
  ['tls.crt', /-----BEGIN CERTIFICATE-----/],
  ['tls.key', /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
] as const

/** Only whether it looks like one: source/credentials reads it, and tells what is wrong within. */
function flawOf(data: SecretData): string | null {
  for (const [key, pattern] of PARTS) {
    const bytes = data.get(key)
    if (!bytes || bytes.length === 0) return `has no ${key}`
    if (!pattern.test(Buffer.from(bytes).toString('latin1'))) return `has no PEM in ${key}`
  }
  return null
}
