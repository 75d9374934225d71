/**
 * What a command reads its configuration from: PATH, -f, -R and standard input, the same for every
 * command.
 *
 *   withInput(program.command('check'))            the arguments and options
 *     .action(async (paths, flags, command) => …
 *       await inputOf(command, paths, flags, env)   what they name
 *
 * Standard input and pipes can be read only once, so they are read here, before the command begins.
 * At each reload, `run` reads its files again and keeps this input.
 */

import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { FILE_BYTES_MAX } from '../config/text/limits.ts'
import { type SourceFile, type Sources, tooLarge } from '../source/files/files.ts'
import type { ClusterFlags } from './cluster.ts'
import type { Env } from './env.ts'
import { afterEquals } from './options.ts'

/** What `withInput` adds to a command's flags. */
export type InputFlags = ClusterFlags & {
  readonly filename?: readonly string[]
  readonly recursive?: boolean
}

const PATHS_DEFAULT = ['config/']
/** Spellings of standard input. */
const STDIN: ReadonlySet<string> = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'])
const CHUNK_BYTES = 65_536

/** Adds PATH, -f and -R to a command. */
export function withInput(command: Command): Command {
  return command
    .argument(
      '[PATH...]',
      'configuration files and folders (their *.yaml, *.yml and *.json); -: standard input; default: config/',
    )
    .addOption(
      new Option('-f, --filename <FILE>', 'the same as PATH; repeatable').argParser(
        (text: string, before: readonly string[] = []) => [...before, afterEquals(text)],
      ),
    )
    .option('-R, --recursive', 'read subfolders too', false)
}

/** The same, and the options that name a cluster. */
export const withClusterInput = (command: Command): Command =>
  clusterOptions(
    withInput(command).option(
      '--kubernetes',
      'read the resources of a cluster, too; then there is no default PATH',
      false,
    ),
  )

/** How to reach a cluster. */
export const clusterOptions = (command: Command): Command =>
  command
    .option('--kubeconfig <FILE>', 'how to reach the cluster; default: as kubectl finds it')
    .option('--context <NAME>', 'a context of the kubeconfig')

/** What PATH, -f and -R name, and what the cluster has now, if one is named. */
export async function wholeInputOf(
  command: Command,
  given: readonly string[],
  flags: InputFlags,
  env: Env,
  otherUse?: string,
): Promise<Sources> {
  const sources = await inputOf(command, given, flags, env, otherUse)
  return flags.kubernetes ? (await import('./cluster.ts')).withCluster(sources, flags, env) : sources
}

/** Whether the command line names any input. */
export const namesInput = (
  paths: readonly string[],
  { filename = [], recursive, kubernetes }: InputFlags,
): boolean => paths.length + filename.length > 0 || recursive === true || kubernetes === true

/**
 * What PATH, -f and -R name, with standard input and pipes already read.
 *
 * @param otherUse  An option that reads standard input as well, such as "--batch -"; a PATH that
 * does too is wrong usage.
 */
export async function inputOf(
  command: Command,
  given: readonly string[],
  { filename = [], recursive = false, ...cluster }: InputFlags,
  env: Env,
  otherUse?: string,
): Promise<Sources> {
  const named = [...given, ...filename]
  if (named.includes('')) command.error('error: PATH must not be empty')
  const uses = [...named.filter(path => STDIN.has(path)), ...(otherUse === undefined ? [] : [otherUse])]
  if (uses.length > 1)
    command.error(`error: standard input can be read only once, and is asked for by ${uses.join(' and ')}`)
  if (
    !cluster.kubernetes &&
    [cluster.kubeconfig, cluster.context, cluster.cache].some(each => each !== undefined)
  )
    command.error('error: --kubeconfig, --context and --cache are about a cluster: add --kubernetes')
  const paths = named.length > 0 ? named : cluster.kubernetes ? [] : PATHS_DEFAULT
  const once = new Map<string, SourceFile>()
  for (const path of paths) {
    const file = STDIN.has(path)
      ? { file: path === '-' ? '<stdin>' : path, bytes: await readStdin(env) }
      : isPipe(path)
        ? readPipe(path)
        : null
    if (file && !once.has(path)) once.set(path, file)
  }
  return { paths: [...new Set(paths)], recursive, once }
}

async function readStdin({ stdin }: Env): Promise<Uint8Array | Error> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stdin) {
      const bytes = Buffer.from(chunk)
      chunks.push(bytes)
      size += bytes.length
      if (size > FILE_BYTES_MAX) return tooLarge()
    }
    return Buffer.concat(chunks)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** A pipe or a device: `weir check <(helm template …)`. */
function isPipe(path: string): boolean {
  try {
    const stats = statSync(path)
    return !stats.isFile() && !stats.isDirectory()
  } catch {
    return false // whoever reads files reports why
  }
}

function readPipe(path: string): SourceFile {
  let fd = -1
  try {
    fd = openSync(path, 'r')
    return { file: path, bytes: readToEnd(fd) }
  } catch (error) {
    return { file: path, bytes: error instanceof Error ? error : new Error(String(error)) }
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

function readToEnd(fd: number): Uint8Array | Error {
  const chunks: Buffer[] = []
  let size = 0
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    const count = readSync(fd, chunk)
    if (count === 0) return Buffer.concat(chunks)
    chunks.push(chunk.subarray(0, count))
    size += count
    if (size > FILE_BYTES_MAX) return tooLarge()
  }
}
