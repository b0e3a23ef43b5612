"""Whether a kubeconfig has a credential in it: its own keys, and what it hands to a credential plug-in.

The form: ``k8s.io/client-go/tools/clientcmd/api/v1`` (``users[].user`` with ``token``, ``password``, ``client-key-data``,
``auth-provider``, ``exec`` with ``command``, ``args`` and ``env``). The text is read as YAML nodes, not as values: so keys that
stand twice, anchors, further documents and unknown keys are also seen, and nothing is expanded.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

import yaml

from mendix_registry.settings.credentials import by_form, is_credential

_COMMENT = re.compile(r"(?:^|\s)#[#\s]*(.*)$", re.MULTILINE)
_COMMENTED_KEY = re.compile(r"""[-\s]*["']?([\w-]+)["']?\s*[:=]\s*["']?([^"'\s]+)["']?\s*""")
_JSON_ENTRY = re.compile(r"""\\?["']([\w-]+)\\?["']\s*:\s*\\?["']([^"'\\]+)""")
_OPTION = re.compile(r"(--?[A-Za-z][\w.-]*|[A-Za-z_][\w.-]*)=(.+)", re.DOTALL)
_USER_OPTIONS = ("-u", "--user", "--userpass", "--basic")


def credential(text: str) -> str | None:
    """What in the kubeconfig is a credential, for a message; or None: then a plug-in gets it, or a file has it.

    Raises:
        ValueError: the text is not YAML. The message does not repeat it.
    """
    try:
        # PyYAML accepts a tab nowhere, Go's parser between the tokens of JSON.
        documents = list(yaml.compose_all(text.replace("\t", "  "), Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        raise ValueError("is not YAML" if line is None else f"is not YAML from line {line + 1} on") from None
    seen: set[tuple[int, str]] = set()
    for document in documents:
        if found := _first(_in_node(document, "", seen)):
            return found
    return _first(_in_comments(text))


def _first(found: Iterator[str]) -> str | None:
    return next(found, None)


def _in_node(node: yaml.Node, key: str, seen: set[tuple[int, str]]) -> Iterator[str]:
    if (id(node), key) in seen:
        return  # an alias; it may even stand in itself
    if isinstance(node, yaml.ScalarNode):
        value = str(node.value)
        if is_credential(key, value):
            yield key
        elif found := by_form(value):
            yield found
        return
    seen.add((id(node), key))
    if isinstance(node, yaml.SequenceNode):
        if key == "args":
            yield from _in_arguments([str(item.value) for item in node.value if isinstance(item, yaml.ScalarNode)])
        for item in node.value:
            yield from _in_node(item, key, seen)
    elif isinstance(node, yaml.MappingNode):
        yield from _in_variable(node)
        for name, value in node.value:
            word = str(name.value) if isinstance(name, yaml.ScalarNode) else ""
            if word in ("command", "cmd-args", "cmd-path") and isinstance(value, yaml.ScalarNode):
                yield from _in_arguments(_words(str(value.value)))
            yield from _in_node(value, word, seen)


def _in_variable(node: yaml.MappingNode) -> Iterator[str]:
    """An entry of ``env``: a name and a value, in whichever order."""
    entry = {
        str(name.value): str(value.value)
        for name, value in node.value
        if isinstance(name, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)
    }
    if is_credential(entry.get("name", ""), entry.get("value", "")):
        yield f"the variable {entry['name']}"


def _in_arguments(arguments: Sequence[str]) -> Iterator[str]:
    """Arguments that carry a credential, by the names of the options: ``--client-secret=VALUE`` or ``--client-secret VALUE``."""
    for position, argument in enumerate(arguments):
        following = arguments[position + 1] if position + 1 < len(arguments) else ""
        if found := by_form(argument):
            yield found
        elif argument in _USER_OPTIONS and re.fullmatch(r"[^:/]+:(?!\$).+", following):
            yield f"the argument {argument}"
        elif re.fullmatch(r"--?[A-Za-z][\w.-]*", argument):
            # Another option after it: then it is a switch.
            if not re.match(r"--|-[A-Za-z]$", following) and is_credential(argument, following):
                yield f"the argument {argument}"
        elif len(words := _words(argument)) > 1:
            # A command for a shell.
            yield from _in_arguments(words)
        elif option := _OPTION.fullmatch(argument):
            name, value = option[1], option[2].strip("=")
            if is_credential(name, value):
                yield f"the argument {name}"
            else:
                yield from _in_arguments([value])
        for name, value in _JSON_ENTRY.findall(argument):
            if is_credential(name, value):
                yield f"the argument with {name}"


def _in_comments(text: str) -> Iterator[str]:
    for comment in _COMMENT.findall(text):
        if found := by_form(comment):
            yield found
        elif (entry := _COMMENTED_KEY.fullmatch(comment)) and is_credential(entry[1], entry[2]):
            yield f"the comment with {entry[1]}"


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
