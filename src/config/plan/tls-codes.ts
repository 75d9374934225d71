/** Codes of the third stage: TLS that weir speaks, and its certificates. */

import { type CodeEntry, error, info, warning } from '../findings/code-entry.ts'

export const TLS_CODES = {
  CFG501: warning(
    'a credential is missing or cannot be used',
    'give the file or Secret that the message names what it needs; until then the server stays closed',
  ),
  CFG502: warning('a certificate is expired, or not valid yet', 'renew it'),
  CFG503: warning('a certificate expires within 21 days', 'renew it'),
  CFG504: warning(
    'a private key can be read by everybody',
    'take the right to read it from others: chmod o-r',
  ),
  CFG506: error(
    'a destination asks for a TLS that weir does not speak',
    'use mode SIMPLE or MUTUAL with certificates of your own, or DISABLE, or no destination of this rule',
  ),
  CFG507: info(
    'the certificate of a destination is checked for a name that Istio does not check',
    'nothing to do if the certificate has it; else set subjectAltNames, or sni',
  ),
  CFG508: warning(
    'tls routes do not apply where TLS is terminated',
    'write tcp routes, or set the annotation gateway.weir/tls-routes: terminated on the Gateway',
  ),
  CFG509: warning(
    'a revocation list of a destination is not asked',
    'name the authority that signs it in caCertificates, or remove caCrl',
  ),
  CFG510: warning(
    "a client's TLS goes within weir's own",
    'set mode DISABLE for the destination, or terminate TLS at the Gateway; a destination that takes TLS off twice may keep it',
  ),
  CFG511: warning(
    'a destination is spoken to by TLS without the request for it that PostgreSQL may expect',
    'nothing to do from PostgreSQL 17 on; before, set mode DISABLE for the destination, or PASSTHROUGH at the Gateway',
  ),
  CFG512: warning(
    'a revocation list is out of date',
    'publish a new one: until then every certificate of its authority is refused',
  ),
} as const satisfies Record<string, CodeEntry>
