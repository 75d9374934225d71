/** Codes of the fourth stage: what fits together, and probably is not what its author meant. */

import { type CodeEntry, error, info, warning } from '../findings/code-entry.ts'

export const LINT_CODES = {
  IST0127: warning(
    'no known client has what a match asks for',
    'correct it, or say who the clients are: sources in the Settings, WorkloadEntries, Pods',
  ),

  // Rules and their order.
  CFG451: warning('a range of a match is never used', 'remove it, or move the route before the one named'),
  CFG452: warning(
    'a match asks for addresses that no service and no listener of the rule has',
    'correct destinationSubnets, or the addresses of the service',
  ),
  CFG453: info('a range lies inside another of the same match', 'remove it'),
  CFG454: info(
    'a wider range goes first; the longest prefix does not win',
    'move the route with the longer prefix before the other, if it should win',
  ),
  CFG455: info(
    'there is too much to find every rule that is never used',
    'nothing to do; what is reported holds',
  ),

  // Weights and destinations.
  CFG456: warning(
    'a destination without weight gets nothing beside others',
    'give it a weight, or remove it',
  ),
  CFG457: info('a destination of weight 0 gets nothing', 'nothing to do, if it waits for its share'),
  CFG458: warning('a destination stands twice in one route', 'keep one, with the sum of the weights'),
  CFG459: warning(
    'connections of a route go to a destination without endpoint, and are reset',
    'give it endpoints, or weight 0',
  ),
  CFG460: warning(
    'an endpoint is a listener of this process: its connections come back here',
    'correct the endpoint, or move the listener',
  ),

  // What is there and not used.
  CFG461: info('no route names a subset', 'nothing to do, if it waits for its share'),
  CFG462: warning(
    'a Gateway server has no rule: its connections are reset',
    'bind a VirtualService to it, or remove it',
  ),
  CFG463: info('a Gateway is for other workloads, and not served here', 'nothing to do, if this is intended'),

  // Sockets.
  CFG464: warning('a listener wants the socket of the admin listener', 'give one of them another port'),
  CFG465: info(
    'a listener for one address takes connections from one for every address',
    'nothing to do, if this is intended',
  ),
} as const satisfies Record<string, CodeEntry>

/**
 * Codes about a change of what is served (control/guard/reload-guard.ts): `check`, which knows no
 * other configuration, never says them.
 */
export const RELOAD_CODES = {
  CFG470: error(
    'a change would take a destination, a rule or a listener from connections',
    'fix the change, or accept it: weir reload --accept',
  ),
} as const satisfies Record<string, CodeEntry>

/** Codes about the machine, not about the configuration: `--strict` leaves these as they are. */
export const MACHINE_CODES = {
  CFG481: warning(
    'this process may not open a port of that number',
    'allow it (CAP_NET_BIND_SERVICE), or choose a port from 1024 on',
  ),
} as const satisfies Record<string, CodeEntry>
