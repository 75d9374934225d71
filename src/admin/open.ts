/** The complete admin listener of a gateway. */

import type { AdminSettings } from '../config/settings/settings.ts'
import type { Gateway } from '../control/gateway.ts'
import { type AdminApiOptions, addApi } from './api.ts'
import { Authority } from './authority.ts'
import { type Admin, type Change, startAdmin } from './http.ts'
import { knowsPeers } from './peer-uid.ts'
import { Refusals } from './refusals.ts'

/** Listens; rejects with the kernel's error if that fails. */
export async function openAdminOf(
  gateway: Gateway,
  place: AdminSettings,
  version: string,
  { inherited, ...options }: AdminApiOptions & { readonly inherited?: number | undefined } = {},
): Promise<Admin> {
  const refusals = new Refusals(gateway.log)
  const { log } = gateway
  const { auth } = place
  const isForOthers = auth !== null && auth.peerUids.length > 0 && knowsPeers()
  if (auth !== null && auth.peerUids.length > 0 && !knowsPeers())
    log.warn('admin.auth.peerUids: without node:ffi weir cannot tell users, so only its own may connect')
  return startAdmin({
    ...place,
    refusals,
    isForOthers,
    inherited,
    authority: new Authority(auth, log),
    onChange: change => log.info({ audit: change }, auditText(change)),
    readiness: gateway.readiness,
    api: (app, grantedTo) => addApi(app, gateway, version, refusals, grantedTo, place, options),
    onBug: error => gateway.log.error({ err: error }, 'the admin listener failed to answer'),
  })
}

/** "admin: POST /endpoints/drain by token ops.token from 127.0.0.1: 200". */
function auditText({ who, from, method, path, status }: Change): string {
  const by = who === from ? who : `${who} from ${from}`
  return `admin: ${method} ${path} by ${by}: ${status}`
}
