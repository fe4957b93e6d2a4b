#!/usr/bin/env python3
"""Writes vitvideo(1) from what the program declares.

usage: manpage.py PROGRAM > vitvideo.1

Commands and options come from `--experimental-dump-help`, the synopsis from `--help`, exit codes from the source;
environment and files, which nothing declares, from sections.roff beside this script.
"""

import datetime
import os
import re
import sys
from pathlib import Path

from declared import own_arguments, preferred, root_command, said, spelled, subcommands, values

HERE = Path(__file__).resolve().parent
ERROR_KINDS = HERE.parent / "Sources/Base/VitvideoError.swift"


def text(words):
    """Plain text as roff."""
    words = " ".join(words.split()).replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    words = words.replace("`", r"\(ga").replace("^", r"\(ha").replace("~", r"\(ti")
    return r"\&" + words if words.startswith(".") else words


def bold(words):
    return rf"\fB{text(words)}\fR"


def placeholder(name):
    return rf"\fI{text(name)}\fR"


def heading(argument):
    value = placeholder(argument["valueName"])
    if argument["kind"] == "positional":
        return value + (" ..." if argument["isRepeating"] else "")
    names = ", ".join(bold(spelled(name)) for name in argument["names"])
    return names if argument["kind"] == "flag" else f"{names} {value}"


def described(argument):
    parts = [argument.get("abstract", "")]
    if values(argument):
        parts.append(f"(values: {', '.join(values(argument))})")
    if "defaultValue" in argument:
        parts.append(f"(default: {argument['defaultValue']})")
    return text(" ".join(part for part in parts if part))


def options(command):
    """The arguments of a command under the titles of their groups."""
    title = None
    for argument in own_arguments(command):
        if argument.get("sectionTitle") != title:
            title = argument.get("sectionTitle")
            if title:
                yield f".PP\n{bold(title)}"
        words = described(argument)
        if preferred(argument) == "--method":
            words = rf"What is computed, see \fBMETHODS\fR. (default: {argument['defaultValue']})"
        yield f".TP\n{heading(argument)}\n{words}"


def discussion(command):
    """Paragraphs; a line that begins with the program's name is an example, after the line that introduces it."""
    for block in command.get("discussion", "").split("\n\n"):
        lines = block.splitlines()
        prose = [line for line in lines if not line.startswith("vitvideo ")]
        examples = [line for line in lines if line.startswith("vitvideo ")]
        if prose:
            yield f".PP\n{text(' '.join(prose))}"
        if examples:
            yield ".PP\n.RS 4\n.nf\n" + "\n".join(bold(line) for line in examples) + "\n.fi\n.RE"


def synopsis(program, command):
    """The usage lines of `--help`."""
    words = [] if command == "annotate" else [command]
    usage = said(program, *words, "--help").split("USAGE:", 1)[1].split("\n\n", 1)[0]
    for line in usage.splitlines():
        line = line.strip()
        name, rest = line.split(" ", 1)
        shown = re.sub(r"<([^>]*)>", lambda match: "\0" + match[1] + "\1", rest)
        shown = text(shown).replace("\0", r"\fI").replace("\1", r"\fR")
        yield f".br\n{bold(name)} {shown}"


def methods(annotate):
    """What `--method` says of each method, and the options that say they are its."""
    group = [a for a in annotate["arguments"] if a.get("sectionTitle") == "Method"]
    choice = next(a for a in group if preferred(a) == "--method")
    group.remove(choice)
    names = values(choice)
    one = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    parts = re.split(rf"(?:^|(?<=\. ))({one}): ", choice["abstract"])
    summaries = dict(zip(parts[1::2], parts[2::2]))
    if set(summaries) != set(names):
        sys.exit(f"manpage.py: --method does not describe {set(names) - set(summaries)}")
    for name in names:
        own = [
            bold(preferred(a)) for a in group
            if any(name in re.split(", ", match) for match in
                   re.findall(rf"(?:^|(?<=[.;)] ))((?:{one})(?:, (?:{one}))*): ", a["abstract"]))
        ]
        uses = f"\n.br\nOptions: {', '.join(own)}." if own else ""
        yield f".TP\n{bold(name)}\n{text(summaries[name].rstrip())}{uses}"


def exit_codes():
    yield ".TP\n\\fB0\\fR\nDone."
    source = ERROR_KINDS.read_text()
    for words, code in re.findall(r"((?:^ +/// .*\n)+) +case \w+ = (\d+)", source, re.M):
        yield f".TP\n{bold(code)}\n{text(words.replace('///', ''))}"


def page(program):
    version = said(program, "--version").strip()
    date = datetime.datetime.fromtimestamp(
        int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime.now().timestamp())), datetime.timezone.utc)
    commands = subcommands(root_command(program))
    annotate = commands.pop("annotate")

    yield f'.TH VITVIDEO 1 "{date:%Y-%m-%d}" "vitvideo {version}" "User Commands"'
    # Names of options and models are not broken.
    yield ".nh"
    yield ".SH NAME"
    summary = annotate["abstract"].rstrip(".")
    yield rf"vitvideo \- {text(summary[0].lower() + summary[1:])}"
    yield ".SH SYNOPSIS"
    yield from synopsis(program, "annotate")
    yield ".SH DESCRIPTION"
    yield text(
        "Reads a video, runs every frame through a Vision Transformer, lays what it attends to over the picture and "
        "writes the video again, with its sound and its times. Without a command's name it annotates; the other "
        f"commands are {', '.join(commands)}.")
    yield from discussion(annotate)
    yield ".SH OPTIONS"
    yield from options(annotate)
    yield ".TP\n" + bold("--version") + "\nShow the version."
    yield ".TP\n" + bold("-h") + ", " + bold("--help") + "\nShow help; after a command's name, that of the command."
    yield ".SH METHODS"
    yield from methods(annotate)
    for name, command in commands.items():
        yield f'.SH "{name.upper()}"'
        yield text(command["abstract"])
        yield ".PP"
        yield from synopsis(program, name)
        yield from discussion(command)
        yield from options(command)
        for sub_name, sub in subcommands(command).items():
            yield f".SS {text(name + ' ' + sub_name)}"
            yield text(sub["abstract"])
            yield from discussion(sub)
            yield from options(sub)
    yield ".SH EXIT STATUS"
    yield "Errors are one line on standard error."
    yield from exit_codes()
    yield (HERE / "sections.roff").read_text().rstrip()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: manpage.py PROGRAM > vitvideo.1")
    print("\n".join(page(sys.argv[1])))
