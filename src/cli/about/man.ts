/** `weir man`: the manual page in roff, man(7), from what help shows. */

import { variableOf } from '../variables.ts'
import { versionOf } from '../version.ts'
import type { CommandShape, Surface } from './surface.ts'

/** What help has no room for. */
const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['WEIR_ADMIN', 'The gateway that commands ask, where --admin does not name it.'],
  ['FORCE_COLOR, NO_COLOR', 'Colours on any output, or none; without them only on a terminal.'],
  ['NODE_COMPILE_CACHE, CACHE_DIRECTORY, XDG_CACHE_HOME', 'Where the compiled code is kept between starts.'],
]

const EXITS: readonly (readonly [string, string])[] = [
  ['0', 'Done; for check: valid; for status: ready; for test: all pass.'],
  ['1', 'Refused, invalid, not ready, or no gateway answers.'],
  ['2', 'Wrong usage.'],
  ['130, 143', 'run: a second SIGINT or SIGTERM ended it at once.'],
]

const SIGNALS: readonly (readonly [string, string])[] = [
  ['SIGINT, SIGTERM', 'The first lets connections end and exits with 0, the second exits at once.'],
  ['SIGHUP', 'Reopens the access log; where the log goes to a terminal, the same as SIGTERM.'],
  ['SIGUSR1, SIGUSR2', 'Nothing but a line in the log.'],
]

export function manualPage({ main, commands }: Surface): string {
  const lines = [
    `.TH WEIR 1 "" "weir ${versionOf()}" "User Commands"`,
    '.SH NAME',
    `weir \\- ${roff(main.description.replace(/\.$/, '').replace(/^R/, 'r'))}`,
    '.SH SYNOPSIS',
    ...commands.flatMap(each => ['.br', `.B ${roff(each.usage)}`]).slice(1),
    '.SH OPTIONS',
    ...optionsOf(main),
    '.SH COMMANDS',
    ...commands.flatMap(commandOf),
    '.SH ENVIRONMENT',
    ...listOf([...runVariables(commands), ...ENVIRONMENT]),
    '.SH SIGNALS',
    ...listOf(SIGNALS),
    '.SH EXIT STATUS',
    ...listOf(EXITS),
    '.SH EXAMPLES',
    ...examplesOf(main),
  ]
  return `${lines.join('\n')}\n`
}

const runVariables = (commands: readonly CommandShape[]): (readonly [string, string])[] =>
  commands
    .filter(each => each.name === 'run')
    .flatMap(({ options }) => options.filter(({ long }) => long !== '--help'))
    .map(({ long }) => [variableOf(long), `run: ${long}, where the command line does not give it.`])

const commandOf = (command: CommandShape): string[] => [
  `.SS ${roff(command.usage)}`,
  text(`${command.description}.`),
  ...listOf(command.arguments.map(each => [each.term, each.description])),
  ...optionsOf(command),
  ...(command.examples.length > 0 ? ['.PP', 'Examples:', ...examplesOf(command)] : []),
]

const optionsOf = ({ options }: CommandShape): string[] =>
  listOf(
    options.map(({ short, long, value, description }) => [
      `${short === null ? '' : `${short}, `}${long}${value === null ? '' : ` ${value}`}`,
      description,
    ]),
  )

const listOf = (rows: readonly (readonly [string, string])[]): string[] =>
  rows.flatMap(([term, meaning]) => ['.TP', `.B ${roff(term)}`, text(meaning)])

const examplesOf = ({ examples }: CommandShape): string[] => ['.nf', ...examples.map(text), '.fi']

/** A line that begins with a full stop or an apostrophe would be a request. */
const text = (line: string): string => roff(line).replace(/^[.']/, '\\&$&')

/** groff_char(7); groff reads a page as Latin-1 unless it is told otherwise. */
const roff = (line: string): string =>
  line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(
      /[^\p{ASCII}]/gu,
      each => `\\[u${each.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    )
