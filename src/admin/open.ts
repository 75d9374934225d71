/** The complete admin listener of a gateway. */

import type { AdminSettings } from '../config/settings/settings.ts'
import type { Gateway } from '../control/gateway.ts'
import { type AdminApiOptions, addApi } from './api.ts'
import { type Admin, startAdmin } from './http.ts'
import { Refusals } from './refusals.ts'

/** Listens; rejects with the kernel's error if that fails. */
export function openAdminOf(
  gateway: Gateway,
  place: AdminSettings,
  version: string,
  options: AdminApiOptions = {},
): Promise<Admin> {
  const refusals = new Refusals(gateway.log)
  return startAdmin({
    ...place,
    refusals,
    readiness: gateway.readiness,
    api: app => addApi(app, gateway, version, refusals, options),
    onBug: error => gateway.log.error({ err: error }, 'the admin listener failed to answer'),
  })
}
