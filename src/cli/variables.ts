/**
 * Environment variables for the options of `weir run`: WEIR_RUN_DRAIN_TIMEOUT for --drain-timeout.
 *
 * A flag on the command line wins over its variable, a variable over the Settings. commander has
 * variables too (`Option.env`), but reads only those of the process.
 */

import { type Command, InvalidArgumentError, type Option } from 'commander'
import { suggest } from '../config/findings/suggest.ts'
import type { Env } from './env.ts'

const PREFIX = 'WEIR_RUN_'
/** Of PATHs in WEIR_RUN_FILENAME, as in PATH. */
const SEPARATOR = ':'
/**
 * Kubernetes and Docker set variables for a service that is called "weir-run"; those are no typing
 * mistakes.
 */
const OF_A_SERVICE = /^(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/
const YES: ReadonlySet<string> = new Set(['1', 'true', 'yes', 'on'])
const NO: ReadonlySet<string> = new Set(['0', 'false', 'no', 'off'])

/** "WEIR_RUN_WORKERS" for "--workers". */
export const variableOf = (long: string): string =>
  PREFIX + long.replace(/^--/, '').replaceAll('-', '_').toUpperCase()

/**
 * Gives the options that the command line does not name the values of their variables; one that
 * cannot be read is wrong usage. Warns of a variable that belongs to no option.
 */
export function readVariables(command: Command, paths: readonly string[], env: Env): void {
  const options = new Map(optionsOf(command).map(option => [variableOf(option.long ?? ''), option]))
  const taken = new Map<string, string>()
  for (const [name, value] of Object.entries(env.variables)) {
    if (!name.startsWith(PREFIX) || value === undefined || value === '') continue
    const option = options.get(name)
    if (option === undefined) warn(name, options.keys(), env)
    else if (!isGiven(command, option) && !(option.long === '--filename' && paths.length > 0))
      take(command, option, name, value, taken)
  }
}

const optionsOf = (command: Command): Option[] => command.options.filter(option => option.long !== '--help')

/** Whether the command line has the option, or one that it would conflict with. */
function isGiven(command: Command, option: Option): boolean {
  const isNamed = (name: string): boolean => command.getOptionValueSource(name) === 'cli'
  const own = option.attributeName()
  const rivals = command.options.filter(each => conflictsOf(each).includes(own))
  return [own, ...conflictsOf(option), ...rivals.map(each => each.attributeName())].some(isNamed)
}

/** commander's types leave it out. */
const conflictsOf = (option: Option): readonly string[] =>
  (option as Option & { readonly conflictsWith?: readonly string[] }).conflictsWith ?? []

function take(
  command: Command,
  option: Option,
  name: string,
  value: string,
  taken: Map<string, string>,
): void {
  const found = parsed(command, option, name, value)
  if (found === undefined) return
  const attribute = option.attributeName()
  const rival = [attribute, ...conflictsOf(option)].map(each => taken.get(each)).find(each => each)
  if (rival !== undefined) command.error(`error: ${name} and ${rival} exclude each other`)
  for (const each of [attribute, ...conflictsOf(option)]) taken.set(each, name)
  command.setOptionValueWithSource(attribute, found, 'env')
}

/** undefined: the same as not set. */
function parsed(command: Command, option: Option, name: string, value: string): unknown {
  if (!option.required && !option.optional) {
    const word = value.toLowerCase()
    if (NO.has(word)) return undefined
    if (YES.has(word)) return !option.negate
    return command.error(`error: ${name} is "${value}": it must be true or false`)
  }
  try {
    if (option.long === '--filename') return value.split(SEPARATOR)
    return option.parseArg ? option.parseArg(value, undefined) : value
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    return command.error(`error: ${name} is "${value}": ${error.message}`)
  }
}

function warn(name: string, known: Iterable<string>, env: Env): void {
  if (OF_A_SERVICE.test(name.slice(PREFIX.length))) return
  const nearest = suggest(name, known)
  const cure = nearest === null ? 'weir run --help lists the options' : `did you mean ${nearest}?`
  env.stderr.write(`warning: ${name} belongs to no option of weir run (${cure})\n`)
}
