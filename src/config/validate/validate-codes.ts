/** Codes of the second stage: single resources. */

import { type CodeEntry, error, info, warning } from '../findings/code-entry.ts'

export const VALIDATE_CODES = {
  // Shape: refused by the schema of the kind.
  CFG101: error('a field has the wrong type or value', 'write the value that the message names'),
  CFG102: error('a field is not known', 'correct its name, or remove it'),
  CFG103: error('a required field is missing', 'add it'),
  CFG104: error('fields that exclude each other are both set', 'keep one of them'),
  CFG105: error('an apiVersion has no such kind', 'write the apiVersion or the kind that the hint names'),

  // Meaning: refused by istiod's webhook, and weir's own annotations.
  CFG201: error(
    'a text is not a host name',
    'write a DNS name, with a wildcard as its first label only where that is allowed',
  ),
  CFG202: error('a port is out of range', 'write a port between 1 and 65535'),
  CFG203: error('a text is not an IP address or CIDR', 'write 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32'),
  CFG204: error('a label has a malformed key or value', 'write it as Kubernetes labels are written'),
  CFG205: error('a gateway reference is malformed', 'write "name", "namespace/name" or "mesh"'),
  CFG206: error('the weights of a route are invalid', 'write weights of 0 or more, with a total above 0'),
  CFG207: error('a duration is malformed or not allowed here', 'write 10s, 1m30s or 250ms'),
  CFG208: error('a number is out of its range', 'write a number in the range that the message names'),
  CFG209: error('a name, number or host appears twice', 'keep one'),
  CFG210: error('settings cannot be combined', 'remove one of them'),
  CFG211: error('a setting that others require is missing', 'add it, or remove what requires it'),
  CFG212: error('exportTo is malformed', 'write ".", "*" or names of namespaces'),
  CFG213: error('a word is not one of the allowed values', 'write one of the values that the message names'),
  CFG214: error('an SNI host lies outside the hosts of its VirtualService', 'add a host that covers it'),
  CFG215: error('a regular expression is not valid RE2', 'fix it; see github.com/google/re2/wiki/Syntax'),
  CFG216: error('a header name or value is malformed', 'correct it'),
  CFG217: error(
    'a name is not a DNS label',
    'use letters, digits and dashes, at most 63, a letter or digit at both ends',
  ),
  CFG218: error(
    'a locality is malformed, or overlaps another',
    'write region, region/zone or region/zone/subzone',
  ),
  CFG219: error(
    'an annotation has a value that is not allowed',
    'write one of the values that the message names',
  ),
  CFG220: error('the ambient profile does not support this attribute', 'remove it, or set profile: sidecar'),

  // Accepted by istiod's webhook with a warning.
  CFG251: warning('a deprecated field or form is used', 'use the one that replaces it'),
  CFG252: warning('a setting has no effect', 'remove it, or add what it needs'),
  CFG253: warning('a value is accepted, but works badly', 'see the message'),
  IST0130: warning(
    'a route can never be reached',
    'move the route without match to the end, or remove this one',
  ),
  IST0131: warning('a match repeats an earlier one, or is inside it', 'remove it, or narrow the earlier one'),

  // Not implemented in weir.
  CFG301: warning('a field is not served yet', 'remove it, or accept that weir ignores it'),
  CFG302: warning('a field needs layer 7', 'remove it, or accept that weir ignores it'),
  CFG303: warning('an http route needs layer 7', 'write a tcp route; weir ignores this one'),
  CFG304: info('an http route routes connections', 'write it under tcp, if Istio should do the same'),
  CFG305: warning('a kind is not supported yet', 'remove it, or accept that weir ignores it'),
  CFG306: info('weir does not read this kind', 'nothing to do; weir ignores it'),
  CFG307: warning('an annotation of weir is not known', 'correct its name, or remove it'),
  CFG308: warning(
    'weighted routing is a sidecar-mode feature',
    'set profile: sidecar, or keep one destination',
  ),
  CFG309: warning(
    'a rule of an AuthorizationPolicy uses an attribute that only HTTP has',
    'remove it, or write the rule by addresses and ports',
  ),
} as const satisfies Record<string, CodeEntry>
