/**
 * The command line: its commands and options, and their help.
 *
 * commander parses. Each command has a module of its name, loaded only when it runs. All output and
 * the exit code come back through `runCommandLine`, which never throws for a mistake of the
 * operator.
 */

import { Command, CommanderError, Help, Option } from 'commander'
import { addAboutCommands } from './about/commands.ts'
import { addClusterCommands } from './cluster-commands.ts'
import { type Env, Exit, wantsColours } from './env.ts'
import { inputOf, namesInput, wholeInputOf, withClusterInput } from './input.ts'
import { answered } from './live/answered.ts'
import { adminOption } from './live/asking.ts'
import { addLiveCommands } from './live/commands.ts'
import {
  adminPlace,
  duration,
  examples,
  formatOption,
  integerUpTo,
  labels,
  outputOption,
  percent,
} from './options.ts'
import { readVariables } from './variables.ts'
import { versionOf } from './version.ts'

/** Runs a command; the exit code. */
export async function runCommandLine(words: readonly string[], env: Env): Promise<number> {
  let exitCode: number = Exit.ok
  const program = createProgram(env, code => {
    exitCode = code
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? Exit.ok : Exit.usage
  }
}

function createProgram(env: Env, exit: (code: number) => void): Command {
  const program = new Command('weir')
    .description('Routes TCP connections by Istio’s own rules, from files or the API of a cluster.')
    .version(versionOf(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: text => env.stdout.write(text),
      writeErr: text => env.stderr.write(text),
      getOutHasColors: () => wantsColours(env, env.stdout),
      getErrHasColors: () => wantsColours(env, env.stderr),
    })
    .configureHelp({
      styleTitle: title => (wantsColours(env, env.stdout) ? `\u001b[1m${title}\u001b[22m` : title),
      optionDescription,
    })
    .showHelpAfterError('(run weir --help for usage)')
    .addHelpText(
      'after',
      examples('weir run', 'weir check config/', 'weir explain --from 10.0.0.7 --to 10.1.2.3:9000'),
    )
  addRun(program, env, exit)
  addCheck(program, env, exit)
  addExplain(program, env, exit)
  addTest(program, env, exit)
  addClusterCommands(program, env, exit)
  addLiveCommands(program, env, exit)
  addAboutCommands(program, env, exit)
  for (const command of program.commands)
    command.showHelpAfterError(`(run weir ${command.name()} --help for usage)`)
  return program
}

/** Without "(default: false)": a flag that is not given is off. */
function optionDescription(this: Help, option: Option): string {
  return Help.prototype.optionDescription.call(this, option).replace(' (default: false)', '')
}

const VARIABLES = `Variables:
  Each option has one: WEIR_RUN_WORKERS=4 for --workers 4, WEIR_RUN_DEMO=true for --demo.
  A flag wins over its variable, a variable over the Settings.
`

function addRun(program: Command, env: Env, exit: (code: number) => void): void {
  withClusterInput(program.command('run'))
    .description('serve connections; reload changed files')
    .option('--workers <N>', 'worker threads; 0: one per CPU', integerUpTo(1024))
    .addOption(
      new Option('--engine <KIND>', 'the engine of the data plane').choices([
        'auto',
        'uring',
        'epoll',
        'node',
      ]),
    )
    .option('--admin <ADDRESS>', 'the admin listener: 127.0.0.1:15021, or unix:/run/weir.sock', adminPlace)
    .option('--no-admin', 'no admin listener')
    .option('--drain-timeout <DURATION>', 'time for connections to end after SIGTERM: 30s, 5m', duration)
    .option('--access-log <FILE>', 'write a line per connection to this file; -: standard output')
    .addOption(formatOption('format of the log; default: text on a terminal, else json'))
    .addOption(
      new Option('--log-format <FORMAT>', 'the same as --output')
        .choices(['text', 'json'])
        .conflicts('output'),
    )
    .option(
      '--take-over',
      'take over from the weir that runs with this admin listener, without losing a connection',
      false,
    )
    .option(
      '--cache <DIR>',
      'with --kubernetes: keep what the cluster has, and start from it while the API is away',
    )
    .option('--demo', 'answer for Pods with the annotation gateway.weir/demo-reply', false)
    .addHelpText(
      'after',
      `\n${VARIABLES}${examples('weir run', 'weir run --workers 4 --admin 0.0.0.0:15021 /etc/weir', 'weir run --take-over /etc/weir', 'weir run --demo')}`,
    )
    .action(async (paths, _, command) => {
      readVariables(command, paths, env)
      const flags = command.opts()
      const sources = await inputOf(command, paths, flags, env)
      const { run } = await import('./run.ts')
      exit(await answered(() => run(sources, flags, env), env))
    })
}

function addCheck(program: Command, env: Env, exit: (code: number) => void): void {
  withClusterInput(program.command('check'))
    .description('report every error and warning of a configuration; exit 0 valid, 1 invalid')
    .addOption(outputOption())
    .option('--strict', 'treat cross-resource warnings and unused rules as errors', false)
    .option('--status', 'print the status of Gateway API’s resources as JSON, and findings to stderr', false)
    .addHelpText(
      'after',
      examples(
        'weir check',
        'weir check -R manifests/',
        'kustomize build overlays/prod | weir check --strict -o json - | jq .errors',
      ),
    )
    .action(async (paths, flags, command) => {
      const { check } = await import('./check.ts')
      const read = () => wholeInputOf(command, paths, flags, env)
      exit(await answered(async () => check(await read(), flags, env), env))
      await flushed(env)
    })
}

function addExplain(program: Command, env: Env, exit: (code: number) => void): void {
  withClusterInput(program.command('explain'))
    .description('show where a connection would go and why')
    .option(
      '--gateway <NAME>',
      'the Gateway (name or namespace/name) that accepts, or mesh; default: mesh, or the only one',
    )
    .option('--from <IP[:PORT]>', 'the client’s address')
    .option('--peer <IP[:PORT]>', 'the peer of its socket: a load balancer that sends a PROXY header')
    .option('--to <IP:PORT>', 'the address that the client connects to')
    .option('--namespace <NS>', 'the client’s namespace; default: by its address')
    .option('--labels <K=V,...>', 'the client’s labels; default: by its address', labels)
    .option('--sni <HOST>', 'the server name of a TLS client')
    .option('--identity <NAME>', 'a name of its verified certificate: spiffe://…, a host, or CN=…')
    .option('--batch <FILE>', 'a file (-: standard input) with one connection per line, as JSON')
    .option('--live', 'ask a running gateway instead of files')
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'weir explain --gateway ingressgateway-1 --from 127.0.10.1 --to 127.0.0.1:19000',
        'weir explain --gateway edge --to 10.0.0.1:443 --labels app=web,tier=front',
        'weir explain --live --gateway edge --from 10.0.0.7 --to 10.1.2.3:9000',
        `echo '{"gateway":"mesh","destination":{"ip":"10.0.0.1","port":443}}' | weir explain --batch - --output json`,
      ),
    )
    .action(async (paths, flags, command) => {
      if (flags.live && namesInput(paths, flags))
        command.error('error: --live asks a gateway; it takes no PATH, -f, -R or --kubernetes')
      const otherUse = flags.batch === '-' ? '--batch -' : undefined
      const read = () => (flags.live ? null : wholeInputOf(command, paths, flags, env, otherUse))
      const { explain } = await import('./explain.ts')
      exit(await answered(async () => explain(await read(), flags, env), env))
      await flushed(env)
    })
}

function addTest(program: Command, env: Env, exit: (code: number) => void): void {
  const formats = ['table', 'junit', 'json']
  withClusterInput(program.command('test'))
    .description('test routes against RouteTests; exit 0 all pass, 1 not')
    .addOption(
      new Option('--format <FORMAT>', 'table for people (default), junit for CI, json for programs').choices(
        formats,
      ),
    )
    .addOption(
      new Option('-o, --output <FORMAT>', 'the same as --format').choices(formats).conflicts('format'),
    )
    .option('--min-coverage <PERCENT>', 'fail if tests reach fewer of the rules that can match', percent)
    .addHelpText(
      'after',
      examples(
        'weir test config/',
        'weir test -R manifests/ tests/ --min-coverage 90',
        'kustomize build overlays/prod | weir test - tests/ --format junit > routes.xml',
      ),
    )
    .action(async (paths, flags, command) => {
      const { test } = await import('./test/test.ts')
      const read = () => wholeInputOf(command, paths, flags, env)
      exit(await answered(async () => test(await read(), flags, env), env))
      await flushed(env)
    })
}

/** Not for `run`: a log that nobody reads must not delay its exit. */
async function flushed({ stdout, stderr }: Env): Promise<void> {
  await Promise.all([stdout.flushed(), stderr.flushed()])
}
