/** What is wrong with certificates and revocation lists by their times. */

import type { Flaw } from '../../config/inspect.ts'
import type { CertificateInfo } from './certificates.ts'
import type { ListInfo } from './revocation-lists.ts'

/** A warning comes so long before a certificate expires. */
const SOON_MS = 21 * 86_400_000

/** Whether a certificate is not valid now. */
export const isOutOfDate = ({ notBeforeMs, notAfterMs }: CertificateInfo, nowMs: number): boolean =>
  notAfterMs <= nowMs || notBeforeMs > nowMs

/** null: nothing is wrong with it for some time. */
export function certificateFlaw(info: CertificateInfo, nowMs: number): Flaw | null {
  const { from, subject, notBeforeMs, notAfterMs } = info
  const what = `${from} (${subject})`
  if (notAfterMs <= nowMs) return { code: 'CFG502', message: `${what} expired at ${at(notAfterMs)}` }
  if (notBeforeMs > nowMs)
    return { code: 'CFG502', message: `${what} is not valid before ${at(notBeforeMs)}` }
  if (notAfterMs - nowMs > SOON_MS) return null
  return { code: 'CFG503', message: `${what} expires at ${at(notAfterMs)}` }
}

export function listFlaw({ from, thisUpdateMs, nextUpdateMs }: ListInfo, nowMs: number): Flaw | null {
  const refused = 'every certificate of its authority is refused'
  if (thisUpdateMs > nowMs)
    return {
      code: 'CFG512',
      message: `${from} is not valid before ${at(thisUpdateMs)}: until then ${refused}`,
    }
  if (nextUpdateMs === null || nextUpdateMs > nowMs) return null
  return {
    code: 'CFG512',
    message: `${from} was due for renewal at ${at(nextUpdateMs)}: since then ${refused}`,
  }
}

const at = (ms: number): string => new Date(ms).toISOString().replace('.000', '')
