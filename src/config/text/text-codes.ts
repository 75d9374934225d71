/**
 * Codes of the first stage: files, their text, what every resource has, and weir's own Settings.
 */

import { type CodeEntry, error, info, warning } from '../findings/code-entry.ts'

export const TEXT_CODES = {
  CFG001: error('the file cannot be read', 'check the path and the permissions'),
  CFG002: error('the file is too large', 'split it into several files'),
  CFG003: error('the text is not UTF-8', 'save the file as UTF-8'),
  CFG004: error(
    'the text contains a control character',
    'remove it, or write it as an escape in double quotes',
  ),
  CFG005: error('the text is not YAML', 'correct the syntax at the place shown'),
  CFG006: error('the document is too large or nested too deeply', 'split it, or nest less'),
  CFG007: error('a key appears twice in one mapping', 'remove one of the two'),
  CFG008: error('a key is not a plain word', 'write a plain word; quote one that starts with {, [ or *'),
  CFG009: error('a YAML alias or merge is broken, or expands too far', 'write the value out'),
  CFG010: error('a YAML tag is not supported', 'remove the tag'),
  CFG011: warning('a number cannot be represented exactly', 'use a smaller number, or quote it'),
  CFG012: error('too many findings; the rest are omitted', 'fix the findings shown, then check again'),
  CFG013: error('a number is not valid in JSON', 'write a finite number, or quote it'),
  CFG014: warning(
    'no resource found; `weir check` counts this as an error',
    'name a file with resources, or a folder with such files',
  ),
  CFG015: warning('YAML files in subfolders are not read', 'add -R, or name the folders'),
  CFG016: error(
    'the file is a template, or a part of a Helm chart',
    'render it and check the output: helm template, kustomize build, envsubst',
  ),
  CFG017: info('findings that may only follow from errors are omitted', 'fix the errors, then check again'),
  CFG018: warning(
    'a resource of the cluster is also in the files, which win',
    'remove it from the files to use the one of the cluster',
  ),
  CFG020: error('the document is not a resource', 'start with apiVersion, kind and metadata'),
  CFG021: error('apiVersion is missing or malformed', 'write apiVersion: <group>/<version>, or v1'),
  CFG022: error('kind is missing or malformed', 'write kind: <Kind>'),
  CFG023: error('the metadata is missing or malformed', 'write metadata with a name'),
  CFG024: error('the name or the namespace is missing or malformed', 'write a name that Kubernetes accepts'),
  CFG025: error('a label or an annotation is not a string', 'quote its value'),
  CFG026: error('the creationTimestamp is not a timestamp', 'write it as 2006-01-02T15:04:05Z, or remove it'),
  CFG027: error('two resources have the same name', 'rename or remove one of the two'),
  CFG030: error('there is more than one Settings document', 'keep one'),
  CFG031: error('Settings has an unknown field', 'correct its name, or remove it'),
  CFG032: error('a field of Settings has the wrong type or value', 'write the value that the message names'),
} as const satisfies Record<string, CodeEntry>
