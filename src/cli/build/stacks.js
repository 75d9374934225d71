/**
 * Makes stacks of what was bundled name the source: src/engine/flow/engine.ts:120:5, not a line of
 * dist. The maps are read with the first stack that is looked at, so a start costs nothing.
 */

import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'

const maps = new Map()

/** null where there is none. */
function mapOf(file) {
  if (!maps.has(file)) {
    try {
      maps.set(file, new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8'))))
    } catch {
      maps.set(file, null)
    }
  }
  return maps.get(file)
}

/** The place in the source, or what was given. */
function sourceOf(place, url, line, column) {
  const file = fileURLToPath(url)
  const { originalSource, originalLine, originalColumn } = mapOf(file)?.findEntry(line - 1, column - 1) ?? {}
  if (originalSource === undefined) return place
  return `${new URL(originalSource, url)}:${originalLine + 1}:${originalColumn + 1}`
}

Error.prepareStackTrace = (error, frames) => {
  const places = frames.map(frame =>
    String(frame).replace(/(file:[^\s()]+\/dist\/[^\s()]+\.js):(\d+):(\d+)/, sourceOf),
  )
  let head = 'Error'
  try {
    head = Error.prototype.toString.call(error)
  } catch {} // whatever its name or message is
  return [head, ...places].join('\n    at ')
}
