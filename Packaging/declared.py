"""What the program declares about its commands and options, as its `--help` shows it."""

import json
import subprocess


def said(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def root_command(program):
    return json.loads(said(program, "--experimental-dump-help"))["command"]


def subcommands(command):
    """The commands of a command, without the `help` that the parser adds."""
    return {c["commandName"]: c for c in command.get("subcommands", []) if c["commandName"] != "help"}


def spelled(name):
    return ("--" if name["kind"] == "long" else "-") + name["name"]


def preferred(argument):
    """`--output` for `-o, --output`, nothing for a positional argument."""
    return spelled(argument["preferredName"]) if "preferredName" in argument else ""


def own_arguments(command):
    """All arguments but those that every command has, `--help` and `--version`."""
    return [
        argument for argument in command.get("arguments", [])
        if argument["shouldDisplay"] and preferred(argument) not in ("--help", "--version")
    ]


def values(argument):
    return argument.get("allValues") or []


def takes_files(argument):
    name = argument["valueName"]
    return argument["kind"] != "flag" and any(word in name for word in ["file", "directory", "input", "images", "out-"])
