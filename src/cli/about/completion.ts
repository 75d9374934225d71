/**
 * `weir completion bash|zsh|fish`: a script that completes commands, options, values with choices,
 * and files. It is complete by itself: nothing runs weir while somebody types.
 */

import type { Shell } from '../options.ts'
import type { CommandShape, OptionShape, Surface } from './surface.ts'

export function completion(shell: Shell, surface: Surface): string {
  return { bash, zsh, fish }[shell](surface)
}

const flagsOf = ({ short, long }: OptionShape): string[] => (short === null ? [long] : [short, long])
/** The shell lists the choices itself. */
const brief = ({ description }: OptionShape): string =>
  description.replace(/ \((?:choices|default): .*\)$/, '')
const namesOf = ({ commands }: Surface): string => commands.map(each => each.name).join(' ')
const takesFiles = (command: CommandShape): boolean => command.arguments.some(each => each.isFile)
const choicesOf = (command: CommandShape): string[] => command.arguments.flatMap(each => each.choices)

/** bash splits `--engine=auto` at the equals sign: COMP_WORDBREAKS, bash(1). */
function bash(surface: Surface): string {
  const { main, commands } = surface
  const shapes = [{ ...main, name: '' }, ...commands]
  const values = shapes.flatMap(({ name, options }) =>
    options.flatMap(option => {
      if (option.value === null) return []
      const offer = option.isFile
        ? 'compopt -o default 2>/dev/null; '
        : option.choices.length > 0
          ? `COMPREPLY=($(compgen -W '${option.choices.join(' ')}' -- "$cur")); `
          : ''
      return flagsOf(option).map(flag => ({ when: `${name}:${flag}`, offer }))
    }),
  )
  const offers = [...Map.groupBy(values, each => each.offer)].map(
    ([offer, all]) => `    ${all.map(each => each.when).join('|')}) ${offer}return ;;`,
  )
  const words = shapes.map(shape => {
    const offered = [...shape.options.flatMap(flagsOf), ...choicesOf(shape)]
    if (shape.name === '') offered.push(namesOf(surface), 'help')
    return `    '${shape.name}') words='${offered.join(' ')}' files=${takesFiles(shape) ? 1 : 0} ;;`
  })
  return `# weir completion for bash: source <(weir completion bash)
_weir() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at=$((COMP_CWORD - 1)) command= words= files=0 i
  [[ $cur == = ]] && cur=
  [[ \${COMP_WORDS[at]} == = ]] && at=$((at - 1))
  [[ \${COMP_WORDS[COMP_CWORD]} == = ]] && at=$((COMP_CWORD - 1))
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${commands.map(each => each.name).join('|')}) command=\${COMP_WORDS[i]}; break ;;
      help) COMPREPLY=($(compgen -W '${namesOf(surface)}' -- "$cur")); return ;;
    esac
  done
  COMPREPLY=()
  case $command:\${COMP_WORDS[at]} in
${offers.join('\n')}
  esac
  case $command in
${words.join('\n')}
  esac
  if [[ $files == 1 && $cur != -* ]]; then
    compopt -o default 2>/dev/null
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _weir weir
`
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
/** _arguments reads brackets and colons; _describe reads colons. */
const plain = (text: string): string => text.replaceAll(/[[\]:\\]/g, '\\$&')

function zsh(surface: Surface): string {
  const listed = (words: readonly string[]): string => `(${words.join(' ')})`
  const option = (shape: OptionShape): string[] =>
    flagsOf(shape).map(flag => {
      const others = shape.repeats ? '*' : flagsOf(shape).length > 1 ? listed(flagsOf(shape)) : ''
      const action = shape.isFile ? '_files' : shape.choices.length > 0 ? listed(shape.choices) : ' '
      const value = shape.value === null ? '' : `:${plain(shape.value.replaceAll(/[<>]/g, ''))}:${action}`
      return quoted(`${others}${flag}[${plain(brief(shape))}]${value}`)
    })
  const specs = (shape: CommandShape): string[] => [
    ...shape.options.flatMap(option),
    ...shape.arguments.map(each =>
      quoted(
        `${each.term.includes('...') ? '*' : each.term.startsWith('[') ? ':' : ''}:${plain(each.term.replaceAll(/[<>[\].]/g, ''))}:${each.isFile ? '_files' : each.choices.length > 0 ? listed(each.choices) : ' '}`,
      ),
    ),
  ]
  const cases = surface.commands.map(
    each => `    ${each.name}) _arguments -s \\\n      ${specs(each).join(' \\\n      ')} ;;`,
  )
  const described = surface.commands.map(each => quoted(`${each.name}:${each.description}`))
  return `#compdef weir
# weir completion for zsh: source <(weir completion zsh), or a file _weir in a folder of $fpath
_weir() {
  local -a commands
  commands=(
    ${described.join('\n    ')}
  )
  if ((CURRENT == 2)); then
    _describe -t commands command commands
    _arguments ${surface.main.options.flatMap(option).join(' ')}
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${cases.join('\n')}
    help) _describe -t commands command commands ;;
  esac
}
if [[ $funcstack[1] == _weir ]]; then _weir "$@"; else compdef _weir weir; fi
`
}

function fish(surface: Surface): string {
  const option = (when: string, shape: OptionShape): string => {
    const value = shape.isFile
      ? ['-r', '-F']
      : shape.value === null
        ? []
        : ['-x', ...(shape.choices.length > 0 ? ['-a', quoted(shape.choices.join(' '))] : [])]
    const short = shape.short === null ? [] : ['-s', shape.short.slice(1)]
    const names = [...short, '-l', shape.long.slice(2)]
    return ['complete -c weir -n', when, ...names, ...value, '-d', quotedForFish(brief(shape))].join(' ')
  }
  const none = '__fish_use_subcommand'
  const lines = surface.commands.flatMap(command => {
    const when = `'__fish_seen_subcommand_from ${command.name}'`
    const choices = choicesOf(command)
    return [
      `complete -c weir -n ${none} -a ${command.name} -d ${quotedForFish(command.description)}`,
      ...command.options.map(each => option(when, each)),
      ...(takesFiles(command) ? [`complete -c weir -n ${when} -F`] : []),
      ...(choices.length > 0 ? [`complete -c weir -n ${when} -a ${quoted(choices.join(' '))}`] : []),
    ]
  })
  return [
    '# weir completion for fish: weir completion fish | source',
    'complete -c weir -f',
    ...surface.main.options.map(each => option(none, each)),
    ...lines,
    `complete -c weir -n '__fish_seen_subcommand_from help' -a ${quoted(namesOf(surface))}`,
    '',
  ].join('\n')
}

/** fish(1): within single quotes only these two are special. */
const quotedForFish = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`
