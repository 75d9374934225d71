/** Destinations: a service's host and port, or a subset of it, as people write them and as keys. */

export type Destination = { readonly host: string; readonly subset: string | null; readonly port: number }

/** One of them, or any port of a host. */
type Written = Omit<Destination, 'port'> & { readonly port: number | null }

/**
 * "reviews.default.svc.cluster.local:9080 subset v2", as `explain`, the logs and the page write it.
 * A connection that is passed on has an address for a host.
 */
export function destinationName({ host, port, subset }: Written): string {
  const at = port === null ? host : `${host.includes(':') ? `[${host}]` : host}:${port}` // IPv6
  return `${at}${subset === null ? '' : ` subset ${subset}`}`
}

/** What tells destinations apart, over reloads as well; '' for none. */
export const destinationKey = (destination: Destination | null): string =>
  destination === null ? '' : `${destination.host} ${destination.subset ?? ''} ${destination.port}`
