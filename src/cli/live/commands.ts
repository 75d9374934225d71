/**
 * The commands that speak with a running gateway: their options and help. Nouns read, verbs change.
 * Each loads its own module.
 */

import { type Command, InvalidArgumentError, Option } from 'commander'
import { suggest } from '../../config/findings/suggest.ts'
import { REASON_NAMES } from '../../stats/reasons.ts'
import type { Env } from '../env.ts'
import { type InputFlags, wholeInputOf, withClusterInput } from '../input.ts'
import { duration, durationOption, examples, integerUpTo, outputOption } from '../options.ts'
import { addRollout } from '../rollout/command.ts'
import { answered } from './answered.ts'
import { type Ask, adminOption, limitOption, type WithAdmin } from './asking.ts'
import type { CanaryFlags } from './canary.ts'
import type { connections } from './connections.ts'
import type { DiffFlags } from './diff.ts'
import type { drain } from './drain.ts'
import { addEndpointCommands } from './endpoint-commands.ts'
import type { reload } from './reload.ts'
import type { reloads } from './reloads.ts'
import type { routes } from './routes.ts'
import { addWhy } from './why-command.ts'

export function addLiveCommands(program: Command, env: Env, exit: (code: number) => void): void {
  const ask: Ask = async (admin, body) => {
    const { clientOf } = await import('./client.ts')
    exit(await answered(async () => await body(clientOf(admin, env)), env))
    await Promise.all([env.stdout.flushed(), env.stderr.flushed()])
  }
  addStatus(program, env, ask)
  addRoutes(program, env, ask)
  addCanary(program, env, ask)
  addConnections(program, env, ask)
  addWhy(program, env, ask, exit)
  addEndpointCommands(program, env, ask)
  addTop(program, env, ask)
  addDiff(program, env, ask, exit)
  addReload(program, env, ask)
  addReloads(program, env, ask)
  addDrain(program, env, ask)
  addLogLevel(program, env, ask)
  addRollout(program, env, ask)
}

function addStatus(program: Command, env: Env, ask: Ask): void {
  program
    .command('status')
    .description('show the state of a running gateway; exit 0 ready, 1 not')
    .addOption(
      new Option(
        '--fleet <HOSTS>',
        'several gateways as one: host[:port],…; a name stands for all its addresses. Exit 1 if one is not ready, or serves another configuration',
      ).conflicts('admin'),
    )
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'weir status',
        'weir status --admin unix:/run/weir.sock --output json',
        'weir status --fleet weir-admin.gateways.svc.cluster.local',
      ),
    )
    .action(({ admin, output, fleet: hosts }) =>
      ask(admin, async client =>
        hosts === undefined
          ? (await import('./status.ts')).status(client, output, env)
          : (await import('./fleet.ts')).fleet(hosts, output, env),
      ),
    )
}

function addRoutes(program: Command, env: Env, ask: Ask): void {
  program
    .command('routes')
    .description('list rules with their hits and the share of each destination')
    .option('--virtual-service <NS/NAME>', 'only rules of this VirtualService')
    .option('--listener <LISTENER>', 'only rules of this listener')
    .option('--hit', 'only rules that were hit')
    .option('--no-hit', 'only rules that were not hit')
    .addOption(
      new Option('--order <ORDER>', 'written: in order of evaluation; hits: most hits first')
        .choices(['written', 'hits'])
        .default('written'),
    )
    .addOption(limitOption('rules'))
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples('weir routes', 'weir routes --no-hit', 'weir routes --order hits --limit 10'),
    )
    .action(({ admin, hit, ...flags }: WithAdmin & Parameters<typeof routes>[1]) =>
      ask(admin, async client =>
        (await import('./routes.ts')).routes(
          client,
          { ...flags, ...(hit === undefined ? {} : { hit }) },
          env,
        ),
      ),
    )
}

function addCanary(program: Command, env: Env, ask: Ask): void {
  program
    .command('canary')
    .description('compare the destinations of weighted rules: failures, times, bytes')
    .argument('[RULE]', 'a VirtualService, or "namespace/name tcp[0].match[1]"')
    .addOption(limitOption('rules'))
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText('after', examples('weir canary', 'weir canary "default/echo tcp[2]" --output json'))
    .action((rule: string | undefined, { admin, limit, output }: WithAdmin & CanaryFlags) =>
      ask(admin, async client =>
        (await import('./canary.ts')).canary(
          client,
          { limit, output, ...(rule === undefined ? {} : { rule }) },
          env,
        ),
      ),
    )
}

/** They are too many to be listed in the help. */
function reason(text: string): string {
  const found = REASON_NAMES.find(each => each === text)
  if (found !== undefined) return found
  const meant = suggest(text, REASON_NAMES)
  const hint = meant === null ? `It must be one of ${REASON_NAMES.join(', ')}.` : `Did you mean ${meant}?`
  throw new InvalidArgumentError(hint)
}

function addConnections(program: Command, env: Env, ask: Ask): void {
  program
    .command('connections')
    .description('list open connections, or those that ended last, with the rule that routed them')
    .option('--ended', 'those that ended last, the latest first, and why', false)
    .addOption(
      new Option('--reason <REASON>', 'ended for this reason').argParser(reason).implies({ ended: true }),
    )
    .option('--client <ADDRESS>', 'an address, a range, or an address with port')
    .option('--peer <ADDRESS>', 'the same, of the peer of the socket: a load balancer, or the client')
    .option('--rule <RULE>', 'a VirtualService, or "namespace/name tcp[0].match[1]"')
    .option('--destination <HOST>', 'a host, or host:port, or either with " subset NAME"')
    .option('--endpoint <ADDRESS>', 'an address, a range, or an address with port')
    .option('--listener <LISTENER>', 'a listener or a gateway')
    .option('--generation <N>', 'routed by this generation of the configuration', integerUpTo(2 ** 31 - 1))
    .addOption(
      new Option('--state <STATE>', 'the state of the connection')
        .choices(['reading', 'dialing', 'relaying', 'half-closed'])
        .conflicts('ended'),
    )
    .option('--worker <N>', 'connections of this worker', integerUpTo(1024))
    .addOption(limitOption('connections'))
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'weir connections --client 10.0.0.0/8',
        'weir connections --ended --reason connect-timeout',
        'weir connections --generation 3 --limit 1000 --output json | jq .client',
      ),
    )
    .action(({ admin, ...flags }: WithAdmin & Parameters<typeof connections>[1]) =>
      ask(admin, async client => (await import('./connections.ts')).connections(client, flags, env)),
    )
}

function addTop(program: Command, env: Env, ask: Ask): void {
  program
    .command('top')
    .description('watch a running gateway: rules, endpoints, connections; ? shows the keys')
    .addOption(durationOption('--interval <DURATION>', 'time between two updates', '1s', interval))
    .addOption(adminOption())
    .addHelpText('after', examples('weir top', 'weir top --interval 5s'))
    .action(({ admin, ...flags }) =>
      ask(admin, async client => (await import('./top/top.ts')).top(client, flags, env)),
    )
}

function addDiff(program: Command, env: Env, ask: Ask, exit: (code: number) => void): void {
  withClusterInput(program.command('diff'))
    .description('compare these files with what is served, open connections included; exit 1 invalid')
    .option(
      '--log <FILE>',
      'instead: where the connections of this access log would go by these files; -: standard input; repeatable',
      (file: string, before: readonly string[] = []) => [...before, file],
    )
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'weir diff',
        'weir diff --output json next/ | jq .changes.connections',
        'weir diff --log /var/log/weir/access.log.1 next/',
      ),
    )
    .action(async (paths, { admin, log, ...flags }: DiffCommandFlags, command) => {
      const stdin = log?.includes('-') ? '--log -' : undefined
      const sources = await wholeInputOf(command, paths, flags, env, stdin)
      if (log === undefined)
        await ask(admin, async client => (await import('./diff.ts')).diff(client, sources, flags, env))
      else {
        const { diffLog } = await import('../diff-log.ts')
        exit(await diffLog(sources, log, flags, env))
        await Promise.all([env.stdout.flushed(), env.stderr.flushed()])
      }
    })
}

type DiffCommandFlags = WithAdmin & DiffFlags & InputFlags & { readonly log?: readonly string[] }

function addReload(program: Command, env: Env, ask: Ask): void {
  program
    .command('reload')
    .description('read the files again; exit 0 served, 1 refused')
    .option('--accept <CHECKSUM>', 'accept the change that the guard refused', checksum)
    .option('--reason <TEXT>', 'why, for the history of reloads')
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText('after', examples('weir reload', 'weir reload --output json | jq -r .checksum'))
    .action(({ admin, ...flags }: WithAdmin & Parameters<typeof reload>[1]) =>
      ask(admin, async client => (await import('./reload.ts')).reload(client, flags, env)),
    )
}

function addReloads(program: Command, env: Env, ask: Ask): void {
  program
    .command('reloads')
    .description('show the last reloads: what each changed and did, and its commit')
    .option('--rule <RULE>', 'only those that changed this VirtualService, or "namespace/name tcp[0]"')
    .addOption(limitOption('reloads', 10))
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText('after', examples('weir reloads', 'weir reloads --rule default/echo --limit 20'))
    .action(({ admin, ...flags }: WithAdmin & Parameters<typeof reloads>[1]) =>
      ask(admin, async client => (await import('./reloads.ts')).reloads(client, flags, env)),
    )
}

function checksum(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new InvalidArgumentError('It must be the checksum of 64 hexadecimal digits that the refusal shows.')
  return text
}

function addDrain(program: Command, env: Env, ask: Ask): void {
  program
    .command('drain')
    .description('reset selected connections over a time; keep serving')
    .option('--all', 'all open connections')
    .option('--listener <LISTENER>', 'accepted by this listener, or by those of this gateway')
    .option('--generation <N>', 'routed by this generation', integerUpTo(2 ** 31 - 1))
    .option('--older-than <N>', 'routed by a generation before this one', integerUpTo(2 ** 31 - 1))
    .option('--rule <RULE>', 'routed by a VirtualService, or by "namespace/name tcp[0].match[1]"')
    .addOption(durationOption('--over <DURATION>', 'spread the resets over this time', '30s'))
    .option('--wait', 'wait until all of them are closed', false)
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'weir drain --older-than 7 --over 5m',
        'weir drain --rule "default/echo tcp[0].match[1]" --over 30s --wait',
        'weir drain --all --over 10m',
      ),
    )
    .action(({ admin, ...flags }: WithAdmin & Parameters<typeof drain>[1]) =>
      ask(admin, async client => (await import('./drain.ts')).drain(client, flags, env)),
    )
}

function addLogLevel(program: Command, env: Env, ask: Ask): void {
  program
    .command('log-level')
    .description('show the log level, or set it to LEVEL')
    .argument('[LEVEL]', 'trace, debug, info, warn, error, fatal or silent')
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText('after', examples('weir log-level', 'weir log-level warn'))
    .action((level, { admin, output }) =>
      ask(admin, async client => (await import('./log-level.ts')).logLevel(client, level, output, env)),
    )
}

function interval(text: string): number {
  const ms = duration(text)
  if (ms < 10) throw new InvalidArgumentError('It must be at least 10ms.')
  return ms
}
