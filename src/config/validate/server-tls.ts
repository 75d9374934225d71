/**
 * TLS of a Gateway's server (istiod validateTLSOptions): modes, where certificates come from,
 * cipher suites.
 */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { checkShape } from './shape.ts'

/** Cipher suites that Envoy's BoringSSL knows (pkg/config/security/security.go). */
const CIPHER_SUITES = new Set(
  (
    'ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ' +
    'ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 ' +
    'ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA ' +
    'AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA AES256-SHA DES-CBC3-SHA'
  ).split(' '),
)

const CERTIFICATES = [
  'serverCertificate',
  'privateKey',
  'caCertificates',
  'tlsCertificates',
  'credentialName',
  'credentialNames',
]
const TERMINATING = ['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL']

const modeOf = (tls: Field): string => tls.get('mode').text ?? 'PASSTHROUGH'

/** Whether TLS is left to the destination; the default of an empty `tls`. */
export const isPassthrough = (tls: Field): boolean =>
  !tls.absent && ['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(modeOf(tls))

export function checkServerTls(tls: Field): void {
  if (tls.absent) return
  checkShape(tls.get('insecureSkipVerify'), 'flag') // younger than the schema
  checkCipherSuites(tls)
  checkVersions(tls)
  const mode = modeOf(tls)
  if (mode === 'ISTIO_MUTUAL') {
    for (const name of CERTIFICATES) {
      if (tls.get(name).filled) tls.get(name).report('CFG210', `mode ISTIO_MUTUAL does not allow ${name}`)
    }
    return
  }
  if (isPassthrough(tls) && [...CERTIFICATES, 'caCrl'].some(name => tls.get(name).filled)) {
    tls.report('CFG252', `mode ${mode} does not use certificates`)
  }
  checkOneSource(tls)
  const hasCredential = tls.get('credentialName').filled || tls.get('credentialNames').filled
  if (!TERMINATING.includes(mode)) checkRevocations(tls, tls.get('credentialName').filled)
  else if (!hasCredential) checkFiles(tls, mode)
}

function checkOneSource(tls: Field): void {
  const files =
    tls.get('serverCertificate').filled && tls.get('privateKey').filled ? ['serverCertificate'] : []
  const others = ['credentialName', 'credentialNames', 'tlsCertificates'].filter(name => tls.get(name).filled)
  const sources = [...files, ...others]
  if (sources.length > 1) {
    tls.report('CFG210', `certificates come from one place, not from ${sources.join(' and ')}`)
  }
}

/**
 * Certificates from files: a certificate with its key, and a CA bundle if clients have
 * certificates.
 */
function checkFiles(tls: Field, mode: string): void {
  if (mode !== 'SIMPLE' && !tls.get('caCertificates').filled) needs(tls, mode, 'caCertificates')
  const pairs = tls.get('tlsCertificates').items
  for (const pair of pairs.length > 0 ? pairs : [tls]) {
    for (const name of ['serverCertificate', 'privateKey']) {
      if (!pair.get(name).filled) needs(pair, mode, name)
    }
  }
  checkRevocations(tls, mode === 'SIMPLE')
}

/**
 * A revocation list requires client certificates, and belongs in the credential if there is one.
 */
function checkRevocations(tls: Field, excluded: boolean): void {
  if (excluded && tls.get('caCrl').filled) {
    tls.get('caCrl').report('CFG210', 'caCrl cannot be combined with mode SIMPLE or credentialName')
  }
}

function needs(tls: Field, mode: string, name: string): void {
  tls.get(name).report('CFG211', `mode ${mode} needs ${name}, or a credentialName`)
}

const VERSIONS = ['TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']

/** istiod accepts it, and Envoy then finds no version to speak. */
function checkVersions(tls: Field): void {
  const [minimum, maximum] = ['minProtocolVersion', 'maxProtocolVersion'].map(name =>
    VERSIONS.indexOf(tls.get(name).text ?? ''),
  )
  const least = minimum < 0 ? VERSIONS.indexOf('TLSV1_2') : minimum
  if (maximum < 0 || least <= maximum) return
  const what = minimum < 0 ? `the default minimum ${VERSIONS[least]}` : `the minimum ${VERSIONS[least]}`
  tls
    .get('maxProtocolVersion')
    .report('CFG253', `${VERSIONS[maximum]} is lower than ${what}: no client finds a version to speak`)
}

function checkCipherSuites(tls: Field): void {
  const suites = tls.get('cipherSuites')
  const version = tls.get('minProtocolVersion')
  if (['TLSV1_0', 'TLSV1_1'].includes(version.text ?? '') && suites.items.length === 0) {
    version.report(
      'CFG253',
      `${version.text} needs cipherSuites: the default ones are all for TLS 1.2 and later`,
    )
  }
  const seen = new Set<string>()
  for (const suite of suites.items) {
    const { text } = suite
    if (text === undefined) continue
    if (!isCipherSuite(text)) suite.report('CFG252', `${quote(text)} is not a cipher suite; Istio ignores it`)
    else if (seen.has(text)) suite.report('CFG252', `cipher suite ${quote(text)} appears twice`)
    seen.add(text)
  }
}

/** Whether a suite is one that weir can be told to use. */
export const isCipherName = (text: string): boolean => CIPHER_SUITES.has(text)

/** Also "ALL", and expressions that start with an operator, which Istio does not parse. */
const isCipherSuite = (text: string): boolean =>
  text === '' || text === 'ALL' || !/^[\p{L}\p{N}]/u.test(text) || CIPHER_SUITES.has(text)
