/**
 * The commands and options of the command line as data: what help shows is what completion offers
 * and the manual page lists.
 */

import type { EventEmitter } from 'node:events'
import type { Argument, Command, Option } from 'commander'

export type OptionShape = {
  /** "-o"; null: it has none. */
  readonly short: string | null
  readonly long: string
  /** "<FILE>"; null: it takes no value. */
  readonly value: string | null
  readonly choices: readonly string[]
  readonly isFile: boolean
  readonly repeats: boolean
  readonly description: string
}

export type ArgumentShape = {
  /** "[PATH...]" */
  readonly term: string
  readonly choices: readonly string[]
  readonly isFile: boolean
  readonly description: string
}

export type CommandShape = {
  readonly name: string
  readonly usage: string
  readonly description: string
  readonly options: readonly OptionShape[]
  readonly arguments: readonly ArgumentShape[]
  readonly examples: readonly string[]
}

export type Surface = {
  readonly main: CommandShape
  readonly commands: readonly CommandShape[]
}

/** Value names that stand for a file. */
const FILES: ReadonlySet<string> = new Set(['FILE', 'PATH'])

export const surfaceOf = (program: Command): Surface => ({
  main: shapeOf(program),
  commands: program.commands.map(shapeOf),
})

function shapeOf(command: Command): CommandShape {
  const help = command.createHelp()
  return {
    name: command.name(),
    usage: help.commandUsage(command),
    description: command.description(),
    options: help.visibleOptions(command).map(option => optionShape(option, help.optionDescription(option))),
    arguments: command.registeredArguments.map(argumentShape),
    examples: examplesOf(command),
  }
}

function optionShape(option: Option, description: string): OptionShape {
  const value = /[<[].*/.exec(option.flags)?.[0] ?? null
  return {
    short: option.short ?? null,
    long: option.long ?? '',
    value,
    choices: option.argChoices ?? [],
    isFile: value !== null && FILES.has(value.replaceAll(/[<>]/g, '')),
    repeats: description.includes('repeatable'),
    description,
  }
}

const argumentShape = (argument: Argument): ArgumentShape => ({
  term: `${argument.required ? '<' : '['}${argument.name()}${argument.variadic ? '...' : ''}${argument.required ? '>' : ']'}`,
  choices: argument.argChoices ?? [],
  isFile: FILES.has(argument.name()),
  description: argument.description,
})

/** The lines that the help shows after "Examples:". */
function examplesOf(command: Command): string[] {
  let text = ''
  const emitter: unknown = command // commander's types do not say that it is one
  ;(emitter as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (more: string) => (text += more),
  })
  const [, lines = ''] = /Examples:\n((?: {2}.*\n)+)/.exec(text) ?? []
  return lines.split('\n').flatMap(line => (line === '' ? [] : [line.trim()]))
}
