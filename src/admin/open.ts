/** The admin listener of a gateway, with everything that there is. */

import type { AdminSettings } from '../config/settings.ts'
import type { Gateway } from '../control/gateway.ts'
import { addApi } from './api.ts'
import { type Admin, startAdmin } from './http.ts'

/** Listens; rejects with the kernel's error where that fails. */
export const openAdminOf = (gateway: Gateway, place: AdminSettings, version: string): Promise<Admin> =>
  startAdmin({
    ...place,
    readiness: gateway.readiness,
    api: app => addApi(app, gateway, version),
    onBug: error => gateway.log.error({ err: error }, 'the admin listener failed to answer'),
  })
