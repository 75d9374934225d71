/** kubectl as a client: the program of .ci/kubernetes, or one that is on the PATH. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { KubeObject } from './fake/object.ts'

const PACKAGED = fileURLToPath(
  new URL('../../.ci/kubernetes/node_modules/.layer/kubectl/kubectl', import.meta.url),
)
const onPath = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'kubectl'))
const KUBECTL = [PACKAGED, ...onPath].find(isProgram)

/** Why tests with kubectl are skipped. */
export const noKubectl = KUBECTL ? false : 'needs kubectl: npm ci --prefix .ci/kubernetes'

const run = promisify(execFile)

export class Kubectl {
  readonly #folder = mkdtempSync(join(tmpdir(), 'weir-kubectl-'))
  readonly #watching: ChildProcess[] = []

  /** `kubeconfig`: its text. */
  constructor(kubeconfig: string) {
    writeFileSync(join(this.#folder, 'config'), kubeconfig)
  }

  /** What it prints. Rejects with what it says of an error. */
  async do(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(KUBECTL as string, this.#words(words), this.#options)
    return stdout
  }

  /** Why it fails. */
  async refusal(...words: readonly string[]): Promise<string> {
    return this.do(...words).then(
      printed => Promise.reject(new Error(`no refusal: ${printed}`)),
      ({ stderr }: { stderr: string }) => stderr,
    )
  }

  async apply(objects: readonly KubeObject[], ...words: readonly string[]): Promise<string> {
    return this.do('apply', '-f', this.file(objects), ...words)
  }

  /** For `-f`. */
  file(objects: readonly KubeObject[]): string {
    const file = join(this.#folder, 'applied.json')
    writeFileSync(file, objects.map(each => JSON.stringify(each)).join('\n'))
    return file
  }

  async get<T = KubeObject>(...words: readonly string[]): Promise<T> {
    return JSON.parse(await this.do('get', ...words, '-o', 'json', '--show-managed-fields')) as T
  }

  /** The lines of a command that does not end. */
  lines(...words: readonly string[]): AsyncIterator<string> {
    const child = spawn(KUBECTL as string, this.#words(words), {
      ...this.#options,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#watching.push(child)
    return createInterface(child.stdout)[Symbol.asyncIterator]()
  }

  close(): void {
    for (const each of this.#watching) each.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #options() {
    // KUBECTL_KUBERC: nothing of the user's own.
    return { env: { ...process.env, HOME: this.#folder, KUBECTL_KUBERC: 'false' }, maxBuffer: 2 ** 26 }
  }

  #words(words: readonly string[]): string[] {
    return ['--kubeconfig', join(this.#folder, 'config'), '--cache-dir', this.#folder, ...words]
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
