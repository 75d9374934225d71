/** Keys of session tickets: random, the same for all workers, and never written down. */

import { randomBytes } from 'node:crypto'
import { TICKET_KEY_BYTES, type TicketKeys } from '../../tls/material.ts'

/** How long tickets are made with one key; they are taken for as long again. */
export const TICKETS_MS = 12 * 3_600_000
/** How often weir looks whether that is over. */
export const TICKETS_LOOK_MS = 600_000

/** New keys after these; tickets of those before are good for one more turn. */
export const freshTicketKeys = (before: TicketKeys | null): TicketKeys => ({
  current: randomBytes(TICKET_KEY_BYTES),
  previous: before?.current ?? null,
})
