/** The commands about endpoints and their DNS names. */

import { Argument, type Command, Option } from 'commander'
import type { Env } from '../env.ts'
import { duration, examples, outputOption } from '../options.ts'
import { type Ask, adminOption, limitOption, type WithAdmin } from './asking.ts'
import type { EndpointFlags, EndpointsFlags } from './endpoints.ts'
import type { NamesFlags } from './names.ts'

export function addEndpointCommands(program: Command, env: Env, ask: Ask): void {
  addEndpoints(program, env, ask)
  addEndpoint(program, env, ask)
  addNames(program, env, ask)
  addCertificates(program, env, ask)
}

function addEndpoints(program: Command, env: Env, ask: Ask): void {
  program
    .command('endpoints')
    .description('list endpoints with their state, and why one is not used')
    .option('--endpoint <ADDRESS>', 'an address, or an address with port')
    .option('--destination <HOST>', 'endpoints of this host')
    .addOption(
      new Option('--state <STATE>', 'the state within the destination').choices([
        'draining',
        'down',
        'ejected',
        'failing',
        'up',
      ]),
    )
    .addOption(limitOption('endpoints'))
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText('after', examples('weir endpoints', 'weir endpoints --state ejected --output json'))
    .action(({ admin, ...flags }: WithAdmin & EndpointsFlags) =>
      ask(admin, async client => (await import('./endpoints.ts')).endpoints(client, flags, env)),
    )
}

function addEndpoint(program: Command, env: Env, ask: Ask): void {
  program
    .command('endpoint')
    .description('drain an endpoint: no new connections, until enabled or until a restart; or enable it')
    .addArgument(new Argument('<ACTION>', 'drain or enable').choices(['drain', 'enable']))
    .argument('<ADDRESS>', 'an address with port, or an address for all its ports')
    .option('--close-over <DURATION>', 'drain: also reset its open connections over this time', duration)
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'weir endpoint drain 10.0.0.11:5432',
        'weir endpoint drain 10.0.0.11 --close-over 5m',
        'weir endpoint enable 10.0.0.11:5432',
      ),
    )
    .action((action: string, address: string, { admin, ...flags }: WithAdmin & EndpointFlags) =>
      ask(admin, async client => {
        const { endpointDrain, endpointEnable } = await import('./endpoints.ts')
        return await (action === 'drain' ? endpointDrain : endpointEnable)(client, address, flags, env)
      }),
    )
}

function addNames(program: Command, env: Env, ask: Ask): void {
  program
    .command('names')
    .description('list the DNS names of endpoints with their addresses, those that fail first')
    .option('--name <NAME>', 'only this name')
    .addOption(
      new Option('--state <STATE>', 'the state of the name').choices([
        'resolved',
        'partial',
        'stale',
        'unresolved',
        'pending',
      ]),
    )
    .addOption(limitOption('names'))
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText('after', examples('weir names', 'weir names --state unresolved --output json'))
    .action(({ admin, ...flags }: WithAdmin & NamesFlags) =>
      ask(admin, async client => (await import('./names.ts')).names(client, flags, env)),
    )
}

function addCertificates(program: Command, env: Env, ask: Ask): void {
  program
    .command('certificates')
    .description('list the certificates in force, those that expire first, and servers without one')
    .addOption(adminOption())
    .addOption(outputOption())
    .addHelpText('after', examples('weir certificates', 'weir certificates --output json'))
    .action(({ admin, output }: WithAdmin & { readonly output: 'text' | 'json' }) =>
      ask(admin, async client => (await import('./certificates.ts')).certificates(client, output, env)),
    )
}
