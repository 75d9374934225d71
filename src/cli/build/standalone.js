/**
 * Makes a folder, and an archive of it, that runs weir on a host without Node and npm:
 *
 *   weir-0.1.0-linux-x64/bin/weir                     starts bin/node with the package
 *                        bin/node                     the Node that the package asks for
 *                        lib/libatomic.so.1           which bin/node needs, and small systems lack
 *                        lib/node_modules/weir-gateway  the package, as npm packs it
 *
 *   npm run standalone [-- FOLDER]       the default folder is the working directory
 *
 * Plain JavaScript, since npm may run it with an older Node.
 */

import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isBuilt } from '../built.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const require = createRequire(import.meta.url)

/** Finds its own Node and package, also by a link. */
const WEIR = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/../lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH
exec "$here/node" "$here/../lib/node_modules/weir-gateway/src/cli/weir.js" "$@"
`

const { version } = require(join(ROOT, 'package.json'))
const name = `weir-${version}-${process.platform}-${process.arch}`
const into = resolve(process.argv[2] ?? '.')
const folder = join(into, name)
const run = (program, ...words) => execFileSync(program, words, { cwd: ROOT, encoding: 'utf8' })

rmSync(folder, { recursive: true, force: true })
const [packed, node] = [join(folder, 'lib/node_modules/weir-gateway'), join(folder, 'bin/node')]
mkdirSync(packed, { recursive: true })
mkdirSync(dirname(node))
const aside = mkdtempSync(join(tmpdir(), 'weir-pack-'))
const isReady = isBuilt(new URL('../../../', import.meta.url)) ? ['--ignore-scripts'] : []
run('npm', 'pack', '--silent', ...isReady, '--pack-destination', aside)
run('tar', '-xzf', join(aside, `weir-gateway-${version}.tgz`), '-C', packed, '--strip-components=1')
rmSync(aside, { recursive: true })
copyFileSync(bundledNode(), node)
copyFileSync(libraryOf(node, 'libatomic.so.1'), join(folder, 'lib/libatomic.so.1'))
writeFileSync(join(folder, 'bin/weir'), WEIR)
chmodSync(join(folder, 'bin/weir'), 0o755)
const tar = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner']
run('tar', '-C', into, ...tar, '-czf', `${folder}.tar.gz`, name)
console.log(`${folder}.tar.gz`)

/** Of the optional dependency for this machine. */
function bundledNode() {
  const at = join(ROOT, `node_modules/node-${process.platform}-${process.arch}/bin/node`)
  if (existsSync(at)) return at
  throw new Error(`no Node to put in: ${at}; npm ci installs it`)
}

/** Where this machine has a library that a program needs: ldd(1). */
function libraryOf(program, library) {
  const line = run('ldd', program)
    .split('\n')
    .find(each => each.includes(`${library} =>`))
  const path = line?.split(/\s+/)[3]
  if (path && existsSync(path)) return path
  throw new Error(`${program} needs ${library}, which this machine does not have`)
}
