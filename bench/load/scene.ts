/**
 * The scene of a bench with load: the load and its server, and a folder for configurations; removed
 * with the scope.
 */

import { type DisposableTempDir, mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench } from '../harness.ts'
import { Generator } from './generator.ts'

export const temporaryFolder = (): DisposableTempDir => mkdtempDisposableSync(join(tmpdir(), 'weir-bench-'))

/** Runs `body` with a load generator and a folder; reports it if the load cannot run here. */
export async function withLoad(
  bench: Bench,
  body: (generator: Generator, folder: string) => Promise<void>,
  { loads = 1 } = {},
): Promise<void> {
  const why = Generator.missing()
  if (why !== '') {
    bench.say(`left out, since ${why}`)
    return
  }
  using folder = temporaryFolder()
  await using generator = await Generator.start({ loads })
  await body(generator, folder.path)
}
