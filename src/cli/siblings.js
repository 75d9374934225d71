/**
 * Tells Node where weir's own modules are: where their imports say, and of which kind.
 *
 * For each import Node looks for the file, follows links and reads which kind of module its package
 * has: of what `weir check` of a small folder costs, a sixth. Between modules of one folder, whose
 * imports say the file with its extension, there is nothing to find out.
 *
 * Plain JavaScript, as it is loaded before anything else.
 */

import { registerHooks } from 'node:module'

/** @param folder  The URL of the folder, without links in it. */
export function findSiblings(folder) {
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith('.') || !context.parentURL?.startsWith(folder))
        return next(specifier, context)
      const { href } = new URL(specifier, context.parentURL)
      const format = href.endsWith('.ts') ? 'module-typescript' : 'module'
      return href.startsWith(folder) ? { url: href, format, shortCircuit: true } : next(specifier, context)
    },
  })
}
