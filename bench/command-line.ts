/** The arguments of `npm run bench`, and the messages for wrong usage. */

import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, CommanderError, InvalidArgumentError, Option, type OutputConfiguration } from 'commander'
import { wallTime } from '../src/base/clock.ts'
import { BENCHES, type BenchRow } from './benches.ts'
import type { Choices } from './harness.ts'
import { type Run, readRun } from './report/run.ts'

export type Asked = {
  readonly rows: readonly BenchRow[]
  readonly isQuick: boolean
  readonly choices: Choices
  /** The folder for run.json and run.html; null where a kept run is only shown. */
  readonly out: string | null
  /** An earlier run to compare with. */
  readonly compare: { readonly file: string; readonly run: Run } | null
  /** A kept run to show instead of a new one. */
  readonly show: Run | null
}

type Flags = {
  quick: boolean
  engine?: 'uring' | 'epoll' | 'node'
  connections?: number
  held?: number
  out?: string
  compare?: string
  show?: string
}

/**
 * The request, or the exit code. Everything is checked before anything is measured: minutes later
 * is too late to learn that a file cannot be written.
 *
 * @param output  Where messages go; the default is the process's own streams.
 */
export function readCommandLine(words: readonly string[], output: OutputConfiguration = {}): Asked | number {
  const program = createProgram().configureOutput(output)
  try {
    program.parse(words, { from: 'user' })
    return askedFor(program)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : 2
  }
}

const NAME_WIDTH = Math.max(...BENCHES.map(({ name }) => name.length))
const LIST = BENCHES.map(
  ({ name, about, onlyByName }) =>
    `  ${name.padEnd(NAME_WIDTH)}  ${about}${onlyByName ? ' (only when named)' : ''}\n`,
).join('')

function createProgram(): Command {
  return new Command('npm run bench --')
    .description('Measures weir, and shows what it finds.')
    .argument('[NAME...]', 'the benches to run; default: all but those marked')
    .option('--quick', 'a small run, to see that the benches work; its figures mean little', false)
    .addOption(
      new Option('--engine <NAME>', 'the engine of the gateways that benches start').choices([
        'uring',
        'epoll',
        'node',
      ]),
    )
    .option('--connections <N>', 'soak: number of short connections', positive)
    .option('--held <N>', 'soak: number of long connections beside them', positive)
    .option('--out <FOLDER>', 'write run.json and run.html there; default: bench/out/TIME')
    .option('--compare <FILE>', 'list what is better or worse than in the run.json of an earlier run')
    .option('--show <FILE>', 'measure nothing: show a run.json; with --out, draw it again')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `\nBenches:\n${LIST}`)
    .showHelpAfterError('(run npm run bench -- --help for usage)')
    .exitOverride()
}

function askedFor(program: Command): Asked {
  const names = program.args
  const { quick, out, compare, show, ...choices } = program.opts<Flags>()
  const refuse = (message: string): never => program.error(`error: ${message}`, { exitCode: 2 })
  for (const name of names) {
    if (BENCHES.some(each => each.name === name)) continue
    refuse(`no bench is called ${name}; the benches are ${BENCHES.map(each => each.name).join(', ')}`)
  }
  if (out !== undefined && !canMakeFolder(out)) refuse(`${out} can't be written`)
  const read = (file: string): Run => {
    if (!existsSync(file)) return refuse(`no file ${file}`)
    const found = readRun(readFileSync(file, 'utf8'))
    return typeof found === 'string' ? refuse(`${file}: ${found}`) : found
  }
  return {
    rows: BENCHES.filter(({ name, onlyByName }) => (names.length === 0 ? !onlyByName : names.includes(name))),
    isQuick: quick,
    choices,
    out: out ?? (show === undefined ? defaultFolder() : null),
    compare: compare === undefined ? null : { file: compare, run: read(compare) },
    show: show === undefined ? null : read(show),
  }
}

function positive(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.')
  return count
}

/** One for each run, named by when it began in UTC, so that no run replaces another. */
function defaultFolder(): string {
  const name = wallTime()
    .replace(/\.\d+Z$/, '')
    .replaceAll(':', '-')
  return fileURLToPath(new URL(`out/${name}`, import.meta.url))
}

/** Whether the nearest existing folder above `path` can be written. */
function canMakeFolder(path: string): boolean {
  let at = resolve(path)
  while (!existsSync(at)) at = dirname(at)
  try {
    accessSync(at, constants.W_OK)
    return statSync(at).isDirectory()
  } catch {
    return false
  }
}
