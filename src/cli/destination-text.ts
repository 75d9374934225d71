/** A destination as people write it; a connection that is passed on has an address for a host. */

type Destination = { readonly host: string; readonly port: number; readonly subset: string | null }

export function destinationText({ host, port, subset }: Destination): string {
  const at = host.includes(':') ? `[${host}]` : host // IPv6
  return `${at}:${port}${subset === null ? '' : ` subset ${subset}`}`
}
