/**
 * kubeconfig: clusters, users and contexts, as kubectl and other clients read them.
 *
 * Of several files (`KUBECONFIG=a:b`) the first that has a name wins. Paths are relative to their
 * file. Old ways to log in (`auth-provider`, passwords) are refused: API servers have given them
 * up. Considered instead: @kubernetes/client-node (docs/dependencies.md).
 */

import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { plainYaml } from '../../config/text/plain-yaml.ts'
import { type Bearer, bearerOfFile, bearerOfProgram, bearerOfText, type ProgramCredential } from './bearer.ts'
import { type Identity, inClusterIdentity, type Tls, type Variables } from './identity.ts'

type Fields = Readonly<Record<string, unknown>>
/** An entry of a list, and the folder of its file. */
type Entry = { readonly fields: Fields; readonly folder: string }

export type IdentityOptions = {
  readonly variables: Variables
  /** A kubeconfig file; else that of KUBECONFIG, else this Pod's identity, else ~/.kube/config. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
}

/** The cluster to follow, and credentials for it. @throws with a message for the operator. */
export function findIdentity({ variables, kubeconfig, context }: IdentityOptions): Identity {
  if (kubeconfig !== undefined) return kubeconfigIdentity([kubeconfig], context)
  const named = (variables.KUBECONFIG ?? '').split(delimiter).filter(each => each !== '')
  if (named.length > 0) return kubeconfigIdentity(named.filter(existsSync), context)
  const inCluster = context === undefined ? inClusterIdentity(variables) : null
  if (inCluster) return inCluster
  const usual = join(homedir(), '.kube', 'config')
  if (existsSync(usual)) return kubeconfigIdentity([usual], context)
  throw new Error('no cluster is named: weir runs in no Pod, and there is no kubeconfig; use --kubeconfig')
}

function kubeconfigIdentity(files: readonly string[], wanted: string | undefined): Identity {
  const documents = files.map(readFile)
  if (documents.length === 0) throw new Error('no kubeconfig file of KUBECONFIG exists')
  const title =
    wanted ?? documents.map(each => textOf(each.fields, 'current-context')).find(each => each !== '')
  if (title === undefined)
    throw new Error(`${files.join(', ')} has no current-context: name one with --context`)
  const context = entryOf(documents, 'contexts', 'context', title)
  const clusterName = textOf(context.fields, 'cluster')
  const cluster = entryOf(documents, 'clusters', 'cluster', clusterName)
  const userName = textOf(context.fields, 'user')
  const user = userName === '' ? { fields: {}, folder: '' } : entryOf(documents, 'users', 'user', userName)
  const server = serverOf(cluster, clusterName)
  let issued: ProgramCredential | null = null
  const bearer = bearerOf(user, userName, credential => {
    issued = credential
  })
  const isTls = server.protocol === 'https:'
  return {
    server,
    namespace: textOf(context.fields, 'namespace') || 'default',
    tls: () => tlsOf(cluster, user, issued),
    bearer: isTls ? bearer : null, // nor does kubectl send tokens in plain text (clientcmd)
    title: `context ${title}`,
  }
}

function readFile(file: string): Entry {
  try {
    return { fields: Object(plainYaml(readFileSync(file, 'utf8'))), folder: dirname(resolve(file)) }
  } catch (error) {
    const [why] = String(error instanceof Error ? error.message : error).split('\n')
    throw new Error(`${file} is no kubeconfig: ${why}`)
  }
}

function entryOf(documents: readonly Entry[], list: string, field: string, name: string): Entry {
  for (const { fields, folder } of documents) {
    const all = Array.isArray(fields[list]) ? (fields[list] as Fields[]) : []
    const found = all.find(each => Object(each).name === name)
    if (found) return { fields: Object(found[field]), folder }
  }
  throw new Error(`kubeconfig has no ${field} "${name}"`)
}

function serverOf({ fields }: Entry, name: string): URL {
  if (textOf(fields, 'proxy-url') !== '')
    throw new Error(`cluster "${name}" has a proxy-url: weir uses no proxy`)
  const server = URL.parse(textOf(fields, 'server'))
  if (server === null || !/^https?:$/.test(server.protocol))
    throw new Error(`cluster "${name}" of kubeconfig has no server that is a URL`)
  if (server.username !== '' || server.password !== '')
    throw new Error(`cluster "${name}" has a password in its server: use a token, a certificate or exec`)
  return server
}

function bearerOf(
  { fields, folder }: Entry,
  name: string,
  onCredential: (credential: ProgramCredential) => void,
): Bearer | null {
  const old = ['auth-provider', 'username', 'password'].find(each => fields[each] !== undefined)
  if (old !== undefined)
    throw new Error(
      `user "${name}" logs in by ${old}, which weir does not: use a token, a certificate or exec`,
    )
  const file = textOf(fields, 'tokenFile')
  if (file !== '') return bearerOfFile(resolve(folder, file))
  const token = textOf(fields, 'token')
  if (token !== '') return bearerOfText(token)
  const exec = Object(fields.exec) as Fields
  const command = textOf(exec, 'command')
  if (command === '') return null
  const program = {
    command: command.includes('/') ? resolve(folder, command) : command,
    args: Array.isArray(exec.args) ? exec.args.map(String) : [],
    env: Object.fromEntries(
      (Array.isArray(exec.env) ? exec.env : []).map(each => [String(each.name), String(each.value)]),
    ),
    apiVersion: textOf(exec, 'apiVersion') || 'client.authentication.k8s.io/v1',
    installHint: textOf(exec, 'installHint'),
  }
  return bearerOfProgram(program, onCredential)
}

function tlsOf(cluster: Entry, user: Entry, issued: ProgramCredential | null): Tls {
  const ca = bytesOf(cluster, 'certificate-authority')
  const cert = issued?.cert || bytesOf(user, 'client-certificate')
  const key = issued?.key || bytesOf(user, 'client-key')
  const servername = textOf(cluster.fields, 'tls-server-name')
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(servername !== '' && { servername }),
    ...(cluster.fields['insecure-skip-tls-verify'] === true && { rejectUnauthorized: false }),
  }
}

/** A field `x-data` in base64, else the file that `x` names. */
function bytesOf({ fields, folder }: Entry, field: string): Buffer | null {
  const data = textOf(fields, `${field}-data`)
  if (data !== '') return Buffer.from(data, 'base64')
  const file = textOf(fields, field)
  return file === '' ? null : readFileSync(resolve(folder, file))
}

const textOf = (fields: Fields, name: string): string =>
  typeof fields[name] === 'string' ? (fields[name] as string) : ''
