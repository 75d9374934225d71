/** What `npm run bench` can be asked for, and the messages where it is asked for something else. */

import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { BENCHES, type BenchRow } from './benches.ts'
import type { Choices } from './harness.ts'
import { type Run, readRun } from './report/run.ts'

export type Asked = {
  readonly rows: readonly BenchRow[]
  readonly isQuick: boolean
  readonly choices: Choices
  /** Where to write. */
  readonly json: string | null
  readonly html: string | null
  readonly charts: string | null
  /** Its charts go to a folder of the same name beside it. */
  readonly markdown: string | null
  /** An earlier run to be held against. */
  readonly compare: { readonly file: string; readonly run: Run } | null
  /** A run to be shown in place of a new one. */
  readonly show: Run | null
}

type Flags = {
  quick: boolean
  engine?: 'uring' | 'node'
  secondOpinion: boolean
  connections?: number
  held?: number
  json?: string
  html?: string
  charts?: string
  markdown?: string
  compare?: string
  show?: string
}

/**
 * What is asked for, or the code to exit with. Everything is looked at before anything is measured: minutes later is
 * too late to learn that a file can't be written.
 */
export function readCommandLine(words: readonly string[]): Asked | number {
  const program = createProgram()
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
    .argument('[NAME...]', 'the benches to run; without a name all of them')
    .option('--quick', 'everything in small, to see that it works: its figures mean little', false)
    .addOption(
      new Option('--engine <NAME>', 'the engine of gateways that benches run').choices(['uring', 'node']),
    )
    .option('--second-opinion', 'engines: ask iperf3 and wrk too, where they are installed', false)
    .option('--connections <N>', 'soak: so many short connections', positive)
    .option('--held <N>', 'soak: so many that stay meanwhile', positive)
    .option('--json <FILE>', 'keep the figures, with every sample and what the machine is')
    .option('--html <FILE>', 'write a page with charts; it needs no network')
    .option('--charts <FOLDER>', 'write each chart as an SVG file')
    .option('--markdown <FILE>', 'write a page for docs, and its charts to a folder beside it')
    .option('--compare <FILE>', 'say what is better or worse than in a run kept by --json')
    .option('--show <FILE>', 'measure nothing: show a run kept by --json')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `\nBenches:\n${LIST}`)
    .showHelpAfterError('(npm run bench -- --help says what there is)')
    .exitOverride()
}

function askedFor(program: Command): Asked {
  const names = program.args
  const { quick, json, html, charts, markdown, compare, show, ...choices } = program.opts<Flags>()
  const refuse = (message: string): never => program.error(`error: ${message}`, { exitCode: 2 })
  for (const name of names) {
    if (BENCHES.some(each => each.name === name)) continue
    refuse(`no bench is called ${name}; there are ${BENCHES.map(each => each.name).join(', ')}`)
  }
  for (const file of [json, html, markdown]) if (file !== undefined) refuseUnless(canWriteFile(file), refuse)
  if (charts !== undefined) refuseUnless(canWriteFolder(charts), refuse)
  const read = (file: string): Run => {
    if (!existsSync(file)) return refuse(`no file ${file}`)
    const found = readRun(readFileSync(file, 'utf8'))
    return typeof found === 'string' ? refuse(`${file}: ${found}`) : found
  }
  return {
    rows: BENCHES.filter(({ name, onlyByName }) => (names.length === 0 ? !onlyByName : names.includes(name))),
    isQuick: quick,
    choices,
    json: json ?? null,
    html: html ?? null,
    charts: charts ?? null,
    markdown: markdown ?? null,
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

function refuseUnless(hindrance: string, refuse: (message: string) => never): void {
  if (hindrance !== '') refuse(hindrance)
}

/** Why no file can be written there, or ''. */
function canWriteFile(file: string): string {
  if (existsSync(file) && statSync(file).isDirectory()) return `${file} is a folder`
  return isWritable(existsSync(file) ? file : dirname(resolve(file))) ? '' : `${file} can't be written`
}

/** It is made where it is not there, in a folder that is. */
function canWriteFolder(folder: string): string {
  if (existsSync(folder) && !statSync(folder).isDirectory()) return `${folder} is a file`
  return isWritable(existsSync(folder) ? folder : dirname(resolve(folder)))
    ? ''
    : `${folder} can't be written`
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
