/** Metrics of certificates: when each expires, and for whom the last good one stays. */

import type { Gateway } from '../../control/gateway.ts'
import { type Family, gauge, single } from './family.ts'

/** Certificates of a scrape, those that expire first, however many there are. */
const VALUES_MAX = 1000

export const certificateFamilies = (gateway: Gateway): Family[] => [
  gauge(
    'weir_certificate_not_after_timestamp_seconds',
    'Unix time at which a certificate in force expires.',
    () =>
      [
        ...new Map(
          gateway.credentials.certificates.map(each => [`${each.from} ${each.subject}`, each]),
        ).values(),
      ]
        .toSorted((left, right) => left.notAfterMs - right.notAfterMs)
        .slice(0, VALUES_MAX)
        .map(({ from, subject, notAfterMs }) => ({ labels: { from, subject }, value: notAfterMs / 1000 })),
  ),
  gauge(
    'weir_certificates_stale',
    'Servers and destinations with the last good certificate, since the newer one cannot be used.',
    () => single(gateway.credentials.stale.length),
  ),
]
