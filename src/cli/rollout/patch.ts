/** The difference of two texts of a file, as `git apply` and `patch -p1` take it. */

import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const CONTEXT = 3
const NO_NEWLINE = '\\ No newline at end of file'

/** One hunk, from the first line that differs to the last; '' if none does. */
export function patchText(file: string, before: string, after: string): string {
  if (before === after) return ''
  const [old, now] = [linesOf(before), linesOf(after)]
  const most = Math.min(old.length, now.length)
  let first = 0
  while (first < most && old[first] === now[first]) first++
  let last = 0
  while (last < most - first && old.at(-1 - last) === now.at(-1 - last)) last++
  const from = Math.max(0, first - CONTEXT)
  const end = old.length - last
  const lines = [
    ...old.slice(from, first).map(line => ` ${line}`),
    ...old.slice(first, end).map(line => `-${line}`),
    ...now.slice(first, now.length - last).map(line => `+${line}`),
    ...old.slice(end, end + CONTEXT).map(line => ` ${line}`),
  ]
  const behind = Math.min(CONTEXT, last)
  const spanOf = (all: readonly string[]): string => `${from + 1},${all.length - last - from + behind}`
  const name = nameOf(file)
  return `--- a/${name}\n+++ b/${name}\n@@ -${spanOf(old)} +${spanOf(now)} @@\n${lines.join('')}`
}

/** Each with its line feed; a last one without says so. */
const linesOf = (text: string): string[] =>
  text
    .split(/(?<=\n)/)
    .filter(line => line !== '')
    .map(line => (line.endsWith('\n') ? line : `${line}\n${NO_NEWLINE}\n`))

/** From the root of its checkout; without one from here, or as it is named. */
function nameOf(file: string): string {
  const real = realpathSync(file)
  let folder = dirname(real)
  while (!existsSync(join(folder, '.git'))) {
    const above = dirname(folder)
    if (above === folder) return file.replace(/^\/+/, '')
    folder = above
  }
  return relative(folder, real)
}
