/** Codes of the fourth stage: valid configuration that its author probably did not intend. */

import { type CodeEntry, error, info, warning } from '../findings/code-entry.ts'

export const LINT_CODES = {
  IST0127: warning(
    'no known client satisfies a match',
    'correct it, or define the clients: sources in the Settings, WorkloadEntries, Pods',
  ),

  // Rules and their order.
  CFG451: warning(
    'a range or server name of a match is never used',
    'remove it, or move the route before the one named',
  ),
  CFG452: warning(
    'no service and no listener of the rule has the addresses that a match names',
    'correct destinationSubnets, or the addresses of the service',
  ),
  CFG453: info('a range or server name is inside another of the same match', 'remove it'),
  CFG454: info(
    'a wider range or server name comes first: list order decides, not the more specific one',
    'if the more specific one should win, move its route first',
  ),
  CFG455: info(
    'too many rules to find each one that is never used',
    'nothing to do; the reported findings are correct',
  ),
  CFG466: warning(
    'no server takes a server name that a match asks for',
    'correct sniHosts, or add the name to the hosts of a server',
  ),

  // Weights and destinations.
  CFG456: warning(
    'a destination without weight gets no connections beside others',
    'give it a weight, or remove it',
  ),
  CFG457: info('a destination of weight 0 gets no connections', 'nothing to do if it gets its share later'),
  CFG458: warning('a route lists a destination twice', 'keep one, with the sum of the weights'),
  CFG459: warning(
    'a route sends connections to a destination without endpoints; they are reset',
    'give it endpoints, or set its weight to 0',
  ),
  CFG460: warning(
    'an endpoint is a listener of this process: its connections would loop',
    'correct the endpoint, or move the listener',
  ),

  // Definitions that are not used.
  CFG461: info('no route names a subset', 'nothing to do if it gets its share later'),
  CFG462: warning(
    'no rule applies to a Gateway server: its connections are reset',
    'bind a VirtualService to it, or remove it',
  ),
  CFG463: info(
    'a Gateway selects other workloads, so weir does not serve it',
    'nothing to do if this is intended',
  ),

  // Sockets.
  CFG464: warning('a listener claims the socket of the admin listener', 'give one of them another port'),
  CFG465: info(
    'a listener on one address takes connections from a listener on every address',
    'nothing to do if this is intended',
  ),
} as const satisfies Record<string, CodeEntry>

/**
 * Codes about a change of what is served (control/guard/reload-guard.ts): `check`, which knows no
 * other configuration, never reports them.
 */
export const RELOAD_CODES = {
  CFG470: error(
    'a change would remove a destination, a rule or a listener that connections need',
    'fix the change, or accept it: weir reload --accept',
  ),
} as const satisfies Record<string, CodeEntry>

/** Codes about the machine, not about the configuration: `--strict` leaves these as they are. */
export const MACHINE_CODES = {
  CFG481: warning(
    'this process lacks the permission to open a port',
    'grant CAP_NET_BIND_SERVICE, or choose a port of 1024 or above',
  ),
} as const satisfies Record<string, CodeEntry>
