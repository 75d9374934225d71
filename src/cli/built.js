/**
 * Whether dist was made of the files that are here: then a clone is started from it, which takes
 * three quarters of the time. A file that has been edited since has another time or size, and
 * counts at once; then the source is run.
 *
 * Plain JavaScript, as it is loaded before anything else.
 */

import { readFileSync, statSync } from 'node:fs'

/**
 * @param root  The URL of the package's folder.
 * @param env  WEIR_FROM_SOURCE is for tests of just that.
 */
export function isBuilt(root, env = process.env) {
  if (env.WEIR_FROM_SOURCE !== undefined) return false
  try {
    const inputs = JSON.parse(readFileSync(new URL('dist/inputs.json', root), 'utf8'))
    return inputs.every(([path, size, mtimeMs]) => {
      const found = statSync(new URL(path, root))
      return found.size === size && found.mtimeMs === mtimeMs
    })
  } catch {
    return false // no dist, or a file has gone
  }
}
