/**
 * Whether dist was built from the files that are here. If so, a clone starts from dist, in three
 * quarters of the time. An edited file has another time or size, and then weir runs the source.
 *
 * Plain JavaScript, as it is loaded before anything else.
 */

import { readFileSync, statSync } from 'node:fs'

/**
 * @param root  The URL of the package's folder.
 * @param env  WEIR_FROM_SOURCE is for tests of just that, and for benches that replace a module.
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
    return false // no dist, or a deleted file
  }
}
