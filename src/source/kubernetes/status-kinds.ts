/** The kinds into whose status weir writes what it makes of them. */

import { RULE_KINDS } from './kinds.ts'

/** Services are Kubernetes' own: weir only reads them. */
export const STATUS_KINDS = RULE_KINDS.filter(each => each.group !== '' && each.kind !== 'ReferenceGrant')
