/**
 * The result of a match: a route's index (0 and up), or one of these.
 *
 * weir closes and counts a connection without a route; there is never a silent default.
 */

/** No rule of the listener matched, and it has no default. */
export const NO_ROUTE = -1
/**
 * The mesh address is no service and `mesh.outbound` is ALLOW_ANY: weir dials the requested
 * address.
 */
export const PASSTHROUGH = -2
/** The mesh address is no service and `mesh.outbound` is REGISTRY_ONLY. */
export const DENIED = -3

/** The row for no rule: the classifier's answer if none matches. Greater than every row. */
export const NO_RULE = 0xffffffff
