/** `weir rollout`: its options and help. */

import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Env } from '../env.ts'
import { clusterOptions, type InputFlags, inputOf, withInput } from '../input.ts'
import { type Ask, adminOption, type WithAdmin } from '../live/asking.ts'
import { duration, durationOption, examples, integerUpTo, percent } from '../options.ts'
import { GUARDS, type Guard } from './guards.ts'
import type { RolloutFlags } from './rollout.ts'
import type { RouteChoice } from './target.ts'

const STEPS = '5,20,50,100'
const ALL = 'dial-failures,resets,connect-p99'
const LEAST = 50

export function addRollout(program: Command, env: Env, ask: Ask): void {
  clusterOptions(
    withInput(
      program
        .command('rollout')
        .argument('<VIRTUALSERVICE>', 'name or namespace/name; of a cluster also "TCPRoute NAMESPACE/NAME"'),
    ).option('--kubernetes', 'change the resource in a cluster, by its API, instead of a file', false),
  )
    .description('move a route to one of its destinations in steps, while guards hold; exit 0 moved, 1 not')
    .requiredOption('--to <HOST[/SUBSET]>', 'the destination')
    .option('--route <N>', 'the route: 1, or tls[1]; default: the only one with this destination', route)
    .addOption(
      new Option('--steps <PERCENT,...>', 'shares of the destination, one after the other')
        .argParser(steps)
        .default(steps(STEPS), STEPS),
    )
    .addOption(durationOption('--every <DURATION>', 'how long each step lasts at least', '5m', every))
    .addOption(
      new Option(
        '--guard <GUARD,...>',
        'what must hold: dial-failures[=1%], resets[=1%], connect-p99[=20ms]; without a limit: beside the others',
      )
        .argParser(guards)
        .default(guards(ALL), ALL),
    )
    .option('--least <N>', 'connections to the destination that each step waits for', integerUpTo(1e9), LEAST)
    .option(
      '--apply',
      'change the file or the resource, and put it back if a guard breaks; default: print patches',
      false,
    )
    .addOption(adminOption())
    .addHelpText(
      'after',
      examples(
        'weir rollout default/echo --to echo-server/gray --steps 5,20,50,100 --every 5m',
        'weir rollout shop/orders --to orders/v2 --guard dial-failures=1%,connect-p99=20ms --apply /etc/weir',
        'weir rollout "TCPRoute shop/orders" --to orders-v2 --kubernetes --apply',
      ),
    )
    .action(async (name: string, paths: string[], { admin, ...flags }: Flags, command: Command) => {
      const sources = await inputOf(command, paths, flags, env)
      if (sources.once && sources.once.size > 0)
        command.error('error: PATH must be files and folders: standard input and pipes cannot be changed')
      if (flags.kubernetes && sources.paths.length > 0)
        command.error('error: with --kubernetes the resource of the cluster is changed: leave PATH out')
      await ask(admin, async client =>
        (await import('./rollout.ts')).rollout(client, name, sources, flags, env),
      )
    })
}

type Flags = WithAdmin & InputFlags & RolloutFlags

function route(text: string): RouteChoice {
  const found = /^(?:(\d{1,6})|(tcp|tls|http|rules)\[(\d{1,6})\])$/.exec(text)
  if (!found) throw new InvalidArgumentError('It must be the index of a route, like 1 or tls[1].')
  return { block: found[2] ?? null, index: Number(found[1] ?? found[3]) }
}

function steps(text: string): number[] {
  const list = text.split(',').map(each => (/^\d{1,3}$/.test(each) ? percent(each) : -1))
  for (const [index, each] of list.entries()) {
    const word = text.split(',')[index]
    if (each < 1) throw new InvalidArgumentError(`"${word}" is no whole number from 1 to 100.`)
    if (each <= (list[index - 1] ?? 0))
      throw new InvalidArgumentError(
        `${word} is not more than ${list[index - 1]}: steps grow, like 5,20,50,100.`,
      )
  }
  return list
}

function every(text: string): number {
  const ms = duration(text)
  if (ms === 0) throw new InvalidArgumentError('It must be more than 0.')
  return ms
}

function guards(text: string): Guard[] {
  const list = text.split(',').map(guard)
  const twice = list.find((each, index) => list.findIndex(other => other.name === each.name) < index)
  if (twice) throw new InvalidArgumentError(`${twice.name} is given twice.`)
  return list
}

function guard(text: string): Guard {
  const [name, limit] = text.split('=')
  const known = GUARDS.find(each => each === name)
  if (known === undefined) throw new InvalidArgumentError(`"${name}" is none of ${GUARDS.join(', ')}.`)
  if (limit === undefined) return { name: known, limit: null }
  if (known === 'connect-p99') return { name: known, limit: timed(name, limit) }
  const share = /^\d{1,3}(\.\d+)?%$/.test(limit) ? Number(limit.slice(0, -1)) / 100 : -1
  if (share < 0 || share > 1)
    throw new InvalidArgumentError(`${name}: "${limit}" is no share like 1% or 0.5%.`)
  return { name: known, limit: share }
}

function timed(name: string, limit: string): number {
  try {
    return duration(limit)
  } catch {
    throw new InvalidArgumentError(`${name}: "${limit}" is no duration like 20ms.`)
  }
}
