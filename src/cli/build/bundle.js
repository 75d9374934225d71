/**
 * Makes dist/ of src/: each thread's modules in a few files, with those of packages that they load.
 *
 * Node spends a quarter of a short command's time on finding, reading and linking 280 modules. The
 * package is run from dist, since Node strips no types below node_modules; a clone is, too, as long
 * as it was made of these very files (src/cli/built.js), which dist/inputs.json lists. npm runs
 * this after `npm ci` and before it packs (prepare).
 *
 * Plain JavaScript, since npm may run it with an older Node.
 */

import { rmSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * What threads begin with (src/base/own-files.ts): one file each, since threads share no module.
 */
const THREADS = [
  'engine/worker/worker',
  'control/compile/compile-task',
  'control/compile/diff-task',
  'control/compile/parse-task',
  'access-log/task',
]

/** Finds its own thread's file beside its module. */
const UNBUNDLED = ['piscina']

const OPTIONS = {
  absWorkingDir: ROOT,
  ...{ outdir: 'dist', chunkNames: 'chunks/[name]-[hash]' },
  ...{ bundle: true, format: 'esm', platform: 'node', target: 'node26' },
  external: UNBUNDLED,
  alias: { punycode: 'punycode/' }, // the package, not Node's own, which warns
  inject: ['src/cli/build/stacks.js'],
  // What packages in CommonJS ask for, of Node.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'\nconst require = requireOf(import.meta.url)",
  },
  // Less to read: a tenth off a short command. With lines, as Node shows the one that threw.
  ...{ minifyWhitespace: true, lineLimit: 120 },
  ...{ sourcemap: 'external', sourcesContent: false, legalComments: 'none' },
  ...{ metafile: true, logLevel: 'warning' },
}

rmSync(`${ROOT}dist`, { recursive: true, force: true })
const esbuild = await import('esbuild').catch(() => null)
if (esbuild) await bundle(esbuild)
else if (process.env.npm_command === 'pack' || process.env.npm_command === 'publish') {
  console.error('a package needs dist, and to make it esbuild: npm ci')
  process.exitCode = 1
}

async function bundle({ build }) {
  const entry = path => ({ [`entries/${path.replaceAll('/', '-')}`]: `src/${path}.ts` })
  // A command loads its own modules only, as it does from the source.
  const made = await Promise.all([
    build({ ...OPTIONS, entryPoints: entry('cli/main'), splitting: true }),
    ...THREADS.map(path => build({ ...OPTIONS, entryPoints: entry(path) })),
  ])
  const all = new Set(made.flatMap(({ metafile }) => Object.keys(metafile.inputs)))
  const sources = [...all].filter(path => !path.includes('node_modules/'))
  // npm writes the last when it installs: whatever changes a package does.
  const inputs = [...sources, 'src/cli/build/bundle.js', 'node_modules/.package-lock.json'].map(path => {
    const { size, mtimeMs } = statSync(ROOT + path, { throwIfNoEntry: false }) ?? {}
    return [path, size, mtimeMs]
  })
  writeFileSync(`${ROOT}dist/inputs.json`, JSON.stringify(inputs))
}
