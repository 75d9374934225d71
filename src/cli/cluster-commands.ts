/** Commands about a cluster: `weir export`, `weir rbac`. */

import type { Command } from 'commander'
import type { Env } from './env.ts'
import { clusterOptions, wholeInputOf, withClusterInput } from './input.ts'
import { answered } from './live/answered.ts'
import { examples } from './options.ts'

export function addClusterCommands(program: Command, env: Env, exit: (code: number) => void): void {
  clusterOptions(program.command('export'))
    .description('write the resources that weir reads of a cluster as YAML')
    .option('--dir <DIR>', 'a folder, with a file for each namespace; default: standard output')
    .option('--secrets', 'with the Secrets that Gateways and DestinationRules name', false)
    .addHelpText('after', examples('weir export > cluster.yaml', 'weir export --context prod --dir backup/'))
    .action(async (flags, command) => {
      const { exportObjects } = await import('./export.ts')
      const read = () => wholeInputOf(command, [], { ...flags, kubernetes: true }, env)
      exit(await answered(async () => exportObjects(await read(), flags, env), env))
      await Promise.all([env.stdout.flushed(), env.stderr.flushed()])
    })
  withClusterInput(program.command('rbac'))
    .description('print the rights that weir needs to read a cluster, as small as what is used')
    .option('--account <NS/NAME>', 'the service account that gets them', 'weir/weir')
    .addHelpText(
      'after',
      examples('weir rbac --kubernetes | kubectl apply -f -', 'weir rbac --account edge/weir manifests/'),
    )
    .action(async (paths, flags, command) => {
      const { rbac } = await import('./rbac.ts')
      const read = () => wholeInputOf(command, paths, flags, env)
      exit(await answered(async () => rbac(await read(), flags, env), env))
      await Promise.all([env.stdout.flushed(), env.stderr.flushed()])
    })
}
