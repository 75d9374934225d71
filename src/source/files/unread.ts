/**
 * Without -R, looks for YAML in subfolders that an operator may believe to be served.
 *
 * YAML without a kind does not count: Prometheus rules, CI workflows. Nor does a chart of Helm or a
 * base of kustomize, which make resources of their files. If a folder has Settings, a subfolder
 * with its own Settings is the configuration of another process, not a mistake. The search ends
 * after some thousand entries.
 */

import { closeSync, type Dirent, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { UnreadFolder } from '../../config/load.ts'

export type { UnreadFolder }

const YAML = /\.ya?ml$/i
const HIDDEN = /^[.#]/
const ENTRIES_MAX = 5_000
/** Settings stand at the top of a file, or in one of their own. */
const HEAD_BYTES = 8_192
const SOURCES: ReadonlySet<string> = new Set(['Chart.yaml', 'kustomization.yaml', 'kustomization.yml'])
/** Anywhere: in a list, in JSON. */
const KIND = /\bkind["']?\s*:/
const SETTINGS = /^kind: *["']?Settings\b/m
const SETTINGS_GROUP = /^apiVersion: *["']?gateway\.weir\//m

/** The YAML files below these folders of `folder`, or null where there are none. */
export function unreadBelow(folder: string, below: readonly string[]): UnreadFolder | null {
  const files: string[] = []
  const open = [...below]
  let entries = 0
  let isWhole: boolean | undefined
  for (let next = open.shift(); next !== undefined && entries < ENTRIES_MAX; next = open.shift()) {
    const inside = entriesIn(next).filter(({ name }) => !HIDDEN.test(name))
    if (inside.some(each => SOURCES.has(each.name))) continue
    const yaml = inside
      .filter(each => each.isFile() && YAML.test(each.name))
      .map(each => join(next, each.name))
    entries += inside.length
    const heads = yaml.map(headOf)
    if (heads.some(hasSettings)) {
      isWhole ??= hasOwnSettings(folder)
      if (isWhole) continue
    }
    files.push(...yaml.filter((_, index) => KIND.test(heads[index])))
    open.unshift(...inside.filter(each => each.isDirectory()).map(each => join(next, each.name)))
  }
  return files.length === 0 ? null : { folder, files, isAll: entries < ENTRIES_MAX }
}

function entriesIn(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch {
    return [] // nobody asked for it
  }
}

const hasOwnSettings = (folder: string): boolean =>
  entriesIn(folder)
    .filter(each => !HIDDEN.test(each.name) && YAML.test(each.name))
    .some(each => hasSettings(wholeOf(join(folder, each.name))))

const hasSettings = (head: string): boolean => SETTINGS.test(head) && SETTINGS_GROUP.test(head)

/** Here they may stand anywhere. */
function wholeOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function headOf(file: string): string {
  let fd = -1
  try {
    fd = openSync(file, 'r')
    const bytes = Buffer.alloc(HEAD_BYTES)
    return bytes.toString('utf8', 0, readSync(fd, bytes))
  } catch {
    return ''
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}
