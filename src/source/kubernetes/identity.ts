/**
 * How weir reaches a Kubernetes API server and logs in: its address, its CA, and credentials.
 *
 * In a Pod, the kubelet mounts a token, which it replaces about once an hour, the cluster's CA and
 * the namespace (kubernetes.io, "Accessing the API from within a Pod"). Elsewhere they
 * come from a kubeconfig file (kubeconfig.ts).
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bearer, bearerOfFile } from './bearer.ts'

/** Where the kubelet mounts what a Pod needs to call the API. */
const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

export type Tls = {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

export type Identity = {
  readonly server: URL
  /** The default namespace of commands. */
  readonly namespace: string
  /** Read anew after a refusal: certificates are replaced, too. */
  readonly tls: () => Tls
  /** null: weir logs in with a client certificate, or not at all. */
  readonly bearer: Bearer | null
  /** For the log: a context, or "in-cluster". */
  readonly title: string
}

export type Variables = Readonly<Record<string, string | undefined>>

/** The identity of this Pod; null outside of a cluster. */
export function inClusterIdentity(variables: Variables, mount = MOUNT): Identity | null {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = variables
  if (!host || !port) return null
  const token = join(mount, 'token')
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    namespace: readFileSync(join(mount, 'namespace'), 'utf8').trim() || 'default',
    tls: () => ({ ca: readFileSync(join(mount, 'ca.crt')) }),
    bearer: bearerOfFile(token),
    title: 'in-cluster',
  }
}
