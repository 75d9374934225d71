/** The lists in which routes are written. */

export const OF_VIRTUAL_SERVICES = ['tcp', 'tls', 'http'] as const
/** Of a TCPRoute or a TLSRoute. */
export const OF_ROUTES = ['rules'] as const

export const BLOCKS = [...OF_VIRTUAL_SERVICES, ...OF_ROUTES] as const
export type Block = (typeof BLOCKS)[number]
