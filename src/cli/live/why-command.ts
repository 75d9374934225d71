/** `weir why`: its options and help. It asks a gateway or, with --log, an access log and files. */

import { type Command, Option } from 'commander'
import type { Env } from '../env.ts'
import { type InputFlags, namesInput, wholeInputOf, withClusterInput } from '../input.ts'
import { examples, outputOption } from '../options.ts'
import { answered } from './answered.ts'
import { type Ask, adminOption, limitOption, type WithAdmin } from './asking.ts'
import type { WhyFlags } from './why.ts'

type Flags = WithAdmin & Omit<WhyFlags, 'client'> & InputFlags & { readonly log?: readonly string[] }

export function addWhy(program: Command, env: Env, ask: Ask, exit: (code: number) => void): void {
  const command = program
    .command('why')
    .description('say what became of a client’s connections, and where they would go now')
    .argument('<IP:PORT>', 'the client; an address alone or a range: its last connections')
    .addOption(
      new Option(
        '--log <FILE>',
        'instead of a gateway, which may have ended: ask this access log, and the files of PATH; -: standard input; repeatable',
      )
        .argParser((file: string, before: readonly string[] = []) => [...before, file])
        .conflicts('admin'),
    )
  withClusterInput(command)
    .addOption(limitOption('connections', 5))
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'weir why 10.0.0.7:43210',
        'weir why 10.0.0.0/24 --limit 20',
        'weir why 10.0.0.7:43210 --log /var/log/weir/access.log config/',
      ),
    )
    .action(async (client: string, paths: readonly string[], given: Flags, command: Command) => {
      const { admin, log, limit, output } = given
      const flags = { client, limit, output }
      if (log === undefined) {
        if (namesInput(paths, given)) command.error('error: PATH, -f, -R and --kubernetes are for --log')
        await ask(admin, async client => (await import('./why.ts')).why(client, flags, env))
        return
      }
      const stdin = log.includes('-') ? '--log -' : undefined
      const { whyLog } = await import('../why-log.ts')
      const body = async () =>
        await whyLog(await wholeInputOf(command, paths, given, env, stdin), log, flags, env)
      exit(await answered(body, env))
      await Promise.all([env.stdout.flushed(), env.stderr.flushed()])
    })
}
