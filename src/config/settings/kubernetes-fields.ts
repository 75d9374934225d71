/** `kubernetes` of the Settings: what weir reads of a cluster, and what it writes there. */

import { addressOrHost, bool, className, list, namespace, object, orNull, strings } from './fields.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

export const kubernetes = object(
  {
    namespaces: list(namespace),
    gatewaySelector: strings,
    gatewayClass: orNull(className),
    status: bool,
    addresses: list(addressOrHost),
  },
  DEFAULT_SETTINGS.kubernetes,
)
