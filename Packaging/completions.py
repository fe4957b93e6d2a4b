#!/usr/bin/env python3
"""Writes completions for bash, zsh or fish from what the program declares.

usage: completions.py PROGRAM bash|zsh|fish

Those of `--generate-completion-script` offer neither the options of the command that runs without being named nor file
names. Here an option that names a file completes to files, one of few values to these, and what is no option to files,
in first place to commands too.
"""

import sys

from declared import own_arguments, preferred, root_command, spelled, subcommands, takes_files, values

STANDARD = "annotate"


def commands(program):
    """Every command by its words: `annotate`, `probe`, …, `models`, `models list`, …"""
    found = {}
    for name, command in subcommands(root_command(program)).items():
        found[name] = command
        for sub_name, sub in subcommands(command).items():
            found[f"{name} {sub_name}"] = sub
    return found


def quoted(words):
    return "'" + words.replace("'", "'\\''") + "'"


def summary(argument, limit=100):
    """The first sentence of what `--help` says."""
    if argument.get("kind") and preferred(argument) == "--method":
        return "What is computed"
    words = " ".join(argument.get("abstract", "").split())
    sentence = words.split(". ")[0].rstrip(".")
    return sentence if len(sentence) <= limit else sentence[:limit].rsplit(" ", 1)[0] + " …"


def named(command):
    return [argument for argument in own_arguments(command) if argument["kind"] != "positional"]


def bash(program):
    found = commands(program)
    top = [name for name in found if " " not in name]
    yield f"""\
# bash completion for vitvideo
_vitvideo() {{
  local cur prev command={STANDARD} options= values= nested=
  cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
  if [ "$COMP_CWORD" -gt 1 ]; then
    case ${{COMP_WORDS[1]}} in {"|".join(top)}) command=${{COMP_WORDS[1]}} ;; esac
  fi
  if [ "$COMP_CWORD" -gt 2 ]; then
    case "$command ${{COMP_WORDS[2]}}" in
      {"|".join(quoted(n) for n in found if " " in n)}) command="$command ${{COMP_WORDS[2]}}" ;;
    esac
  fi
  case $command in"""
    for name, command in found.items():
        options = " ".join(spelled(n) for a in named(command) for n in a["names"])
        nested = " ".join(subcommands(command))
        yield f"    {quoted(name)}) options='{options} --help' nested='{nested}' ;;"
    yield "  esac"
    yield '  case "$command $prev" in'
    for name, command in found.items():
        for argument in named(command):
            if argument["kind"] == "flag":
                continue
            patterns = "|".join(quoted(f"{name} {spelled(n)}") for n in argument["names"])
            if values(argument):
                yield f"    {patterns}) values='{' '.join(values(argument))}' ;;"
            elif not takes_files(argument):
                yield f"    {patterns}) return ;;"
            else:
                yield f'    {patterns}) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;'
    yield f"""\
  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  elif [ -n "$nested" ]; then
    COMPREPLY=($(compgen -W "$nested" -- "$cur"))
  else
    [ "$COMP_CWORD" -gt 1 ] || values='{" ".join(top)}'
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur"; compgen -f -- "$cur")
  fi
}}
complete -o filenames -F _vitvideo vitvideo"""


def zsh(program):
    found = commands(program)

    def specification(argument):
        names = [spelled(n) for n in argument["names"]]
        words = summary(argument).translate({ord(c): "\\" + c for c in "[]:\\"})
        action = ""
        if argument["kind"] != "flag":
            value = argument["valueName"].replace(":", "\\:")
            offers = f"({' '.join(values(argument))})" if values(argument) else "_files" if takes_files(argument) else " "
            action = f":{value}:{offers}"
        exclusive = "*" if argument["isRepeating"] else f"({' '.join(names)})"
        for name in names:
            yield quoted(f"{exclusive}{name}[{words}]{action}")

    def function(name, command):
        yield f"_vitvideo_{name.replace(' ', '_')}() {{"
        if nested := subcommands(command):
            yield "  if (( CURRENT > 2 )); then"
            yield "    shift words; (( CURRENT-- ))"
            yield f"    case $words[1] in {'|'.join(nested)}) _vitvideo_{name}_$words[1] ;; esac"
            yield "  else"
            yield "    local -a commands=(" + " ".join(quoted(f"{n}:{summary(c)}") for n, c in nested.items()) + ")"
            yield "    _describe command commands"
            yield "  fi"
        else:
            lines = [s for argument in named(command) for s in specification(argument)]
            files = any(takes_files(a) for a in own_arguments(command) if a["kind"] == "positional")
            lines += ["'(-h --help)'{-h,--help}'[Show help]'"] + (["'*:file:_files'"] if files else [])
            yield "  _arguments -s \\\n    " + " \\\n    ".join(lines)
        yield "}"

    yield "#compdef vitvideo"
    for name, command in found.items():
        yield from function(name, command)
    top = {name: command for name, command in found.items() if " " not in name}
    described = " ".join(quoted(f"{n}:{summary(c)}") for n, c in top.items())
    yield f"""\
_vitvideo() {{
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    local -a commands=({described})
    _describe command commands
    _files
  else
    case $words[2] in
      {"|".join(top)}) shift words; (( CURRENT-- )); _vitvideo_$words[1] ;;
      *) _vitvideo_{STANDARD} ;;
    esac
  fi
}}
if [ "$funcstack[1]" = _vitvideo ]; then _vitvideo "$@"; else compdef _vitvideo vitvideo; fi"""


def fish(program):
    found = commands(program)
    top = [name for name in found if " " not in name]
    yield "# fish completion for vitvideo"
    for name in top:
        yield f"complete -c vitvideo -n __fish_use_subcommand -a {name} -d {quoted(summary(found[name]))}"
    for name, command in found.items():
        words = name.split()
        if name == STANDARD:
            condition = f"not __fish_seen_subcommand_from {' '.join(n for n in top if n != STANDARD)}"
        elif len(words) == 2:
            condition = f"__fish_seen_subcommand_from {words[0]}; and __fish_seen_subcommand_from {words[1]}"
        else:
            condition = f"__fish_seen_subcommand_from {name}"
        for sub_name, sub in subcommands(command).items():
            yield (f"complete -c vitvideo -n {quoted(condition)} -f -a {sub_name} -d {quoted(summary(sub))}")
        for argument in named(command):
            names = " ".join(
                {"long": "-l", "short": "-s", "longWithSingleDash": "-o"}[n["kind"]] + " " + n["name"]
                for n in argument["names"])
            takes = ""
            if argument["kind"] != "flag":
                takes = " -r" if takes_files(argument) else " -x"
                takes += f" -a {quoted(' '.join(values(argument)))}" if values(argument) else ""
            yield f"complete -c vitvideo -n {quoted(condition)} {names}{takes} -d {quoted(summary(argument))}"
    yield "complete -c vitvideo -s h -l help -d 'Show help'"


if __name__ == "__main__":
    shells = {"bash": bash, "zsh": zsh, "fish": fish}
    if len(sys.argv) != 3 or sys.argv[2] not in shells:
        sys.exit("usage: completions.py PROGRAM bash|zsh|fish")
    print("\n".join(shells[sys.argv[2]](sys.argv[1])))
