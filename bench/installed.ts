/** Other programs that benches use, where they are installed. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * The path of `program`, or ''. An environment variable of its name in capitals names another one
 * (HAPROXY=/opt/haproxy). Debian installs proxies outside an ordinary user's PATH.
 */
export function installed(program: string): string {
  const named = process.env[program.toUpperCase()]
  if (named) return existsSync(named) ? named : ''
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map(folder => join(folder, program)).find(existsSync) ?? ''
}

/** The first thing like a version that `program` prints; '' if it is not installed. */
export function versionOf(program: string, flag: string): string {
  const path = installed(program)
  if (path === '') return ''
  const { stdout, stderr } = spawnSync(path, [flag], { encoding: 'utf8', timeout: 5000 })
  return /\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown'
}
