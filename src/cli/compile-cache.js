/**
 * Where Node keeps the compiled code of weir between starts, so that only the first start compiles.
 *
 * Node runs what it finds there, so no other user may be able to write it: a directory of the
 * user's own with mode 0700, below directories that no other user can rename or replace (sshd's
 * StrictModes asks the same of authorized_keys). Without such a place weir starts without a cache,
 * only slower.
 *
 * Plain JavaScript, because stripping types is a part of what the cache saves.
 */

import { existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, relative } from 'node:path'
import process from 'node:process'

const OTHERS = 0o077
const OTHERS_WRITE = 0o022
const STICKY = 0o1000

/**
 * Uses the cache in this thread and in those that it starts, unless Node was already told of a
 * cache.
 */
export function useCompileCache() {
  const { env } = process
  if (env.NODE_COMPILE_CACHE !== undefined || env.NODE_DISABLE_COMPILE_CACHE !== undefined) return
  const directory = cacheDirectory(env)
  if (directory === null) return
  enableCompileCache(directory)
  env.NODE_COMPILE_CACHE = directory // where a worker thread looks
}

/**
 * The directory of this name, created if it is missing; null if it would not be safe.
 *
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {string | null}
 */
export function cacheDirectory(env, name = 'compile-cache') {
  try {
    const wanted = join(cacheHome(env), name)
    const found = nearest(wanted)
    const directory = join(realpathSync(found), relative(found, wanted)) // somebody could change a link later
    if (!isSafe(directory)) return null // so root makes nothing in a user's home
    make(directory)
    return isSafe(directory) && (lstatSync(directory).mode & OTHERS) === 0 ? directory : null
  } catch {
    return null // no home, a read-only file system, a file in the way
  }
}

/** systemd's CacheDirectory= first, else the place in the XDG Base Directory Specification. */
function cacheHome({ CACHE_DIRECTORY: given = '', XDG_CACHE_HOME: xdg = '' }) {
  const [first] = given.split(':')
  if (isAbsolute(first)) return first
  return join(isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'weir')
}

/**
 * As makeFolder of src/base, which is no JavaScript: below /proc, or an automounter, mkdir's
 * `recursive` tries without end.
 */
function make(directory) {
  if (existsSync(directory)) return
  make(dirname(directory))
  try {
    mkdirSync(directory, 0o700)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error // another process was faster
  }
}

/** `path`, or its nearest existing parent. */
function nearest(path) {
  let at = path
  while (!existsSync(at)) at = dirname(at)
  return at
}

/**
 * Whether only the user and root can change what `path` leads to: they own each existing directory
 * of it, and others cannot write to it. In a sticky one (/tmp) others can write, but not rename or
 * remove foreign files.
 */
function isSafe(path) {
  const user = process.geteuid()
  for (let at = nearest(path); ; at = dirname(at)) {
    const { mode, uid } = lstatSync(at)
    if (uid !== user && uid !== 0) return false
    if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0) return false
    if (at === dirname(at)) return true
  }
}
