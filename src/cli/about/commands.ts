/** The commands about weir itself: its version, completion for shells, the manual page. */

import { Argument, type Command } from 'commander'
import type { Env } from '../env.ts'
import { examples, outputOption, SHELLS, type Shell } from '../options.ts'

export function addAboutCommands(program: Command, env: Env, exit: (code: number) => void): void {
  program
    .command('version')
    .description('show the versions of weir, Node and the kernel, and the engine that run would take')
    .addOption(outputOption())
    .addHelpText('after', examples('weir version', 'weir version --output json'))
    .action(async ({ output }) => {
      const { version } = await import('./facts.ts')
      exit(version(output, env))
      await env.stdout.flushed()
    })
  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<SHELL>', 'bash, zsh or fish').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        'source <(weir completion bash)',
        'source <(weir completion zsh)',
        'weir completion fish | source',
      ),
    )
    .action(async (shell: Shell) => {
      const { completion } = await import('./completion.ts')
      await print(env, completion(shell, (await import('./surface.ts')).surfaceOf(program)))
    })
  program
    .command('man')
    .description('print the manual page, in roff')
    .addHelpText('after', examples('weir man | man -l -', 'weir man > /usr/local/share/man/man1/weir.1'))
    .action(async () => {
      const { manualPage } = await import('./man.ts')
      await print(env, manualPage((await import('./surface.ts')).surfaceOf(program)))
    })
}

async function print({ stdout }: Env, text: string): Promise<void> {
  stdout.write(text)
  await stdout.flushed()
}
