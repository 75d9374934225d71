/** TLS to a destination (istiod ValidateTLS): which settings can be combined. */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'

const FILES = ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl']
const CONFIG_MAP = 'configmap://'

/** By mode, the settings that exclude skipping verification: they leave nothing to verify with. */
const UNVERIFIED: Readonly<Record<string, readonly string[]>> = {
  SIMPLE: ['caCertificates', 'credentialName', 'subjectAltNames'],
  MUTUAL: ['caCertificates', 'subjectAltNames'],
}

export function checkClientTls(tls: Field, namespace: string): void {
  const mode = tls.get('mode').text ?? 'DISABLE'
  checkConfigMap(tls.get('credentialName'), namespace)
  if (tls.get('insecureSkipVerify').value === true) {
    for (const name of Object.hasOwn(UNVERIFIED, mode) ? UNVERIFIED[mode] : []) {
      if (tls.get(name).filled) {
        tls.get(name).report('CFG210', `${name} cannot be combined with insecureSkipVerify: true`)
      }
    }
  }
  const usesCredential = ['SIMPLE', 'MUTUAL'].includes(mode) && tls.get('credentialName').filled
  if (usesCredential) {
    for (const name of FILES) {
      if (tls.get(name).filled)
        tls.get(name).report('CFG210', `${name} cannot be combined with credentialName`)
    }
  } else if (mode === 'MUTUAL') {
    for (const name of ['clientCertificate', 'privateKey']) {
      if (!tls.get(name).filled) tls.get(name).report('CFG211', `mode MUTUAL needs ${name} or credentialName`)
    }
  }
}

/** A ConfigMap with certificates must be in the rule's own namespace. */
function checkConfigMap(credential: Field, namespace: string): void {
  credential.check('CFG210', text => {
    if (!text.startsWith(CONFIG_MAP)) return null
    const parts = text.slice(CONFIG_MAP.length).split('/')
    return parts.length < 2 || parts[0] === namespace ? null : `is not in the namespace ${quote(namespace)}`
  })
}
