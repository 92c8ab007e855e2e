"""`eotiles settings`: every setting with its environment variable, type, default and meaning."""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from eotiles.settings import Settings

_PREAMBLE = """\
# Settings

<!-- Made by `eotiles settings --markdown > docs/settings.md`; edit src/eotiles/settings.py instead. -->

Every setting is an environment variable or a line `NAME=value` of a file `.env` in the working directory; the variable
counts more. `eotiles settings` prints the values in force, with secrets hidden.

| variable | type | default | meaning |
|---|---|---|---|
"""

_DATABASE = """
## Variables of PostgreSQL

These belong to libpq, PostgreSQL's client library, and are honoured when `EOTILES_DATABASE_URL` is not set. With
neither, eotiles starts a private PostgreSQL cluster in its data folder.

| variable | default | meaning |
|---|---|---|
| `PGHOST` | none | Host, or folder of the Unix socket. Setting it switches the private cluster off. |
| `PGPORT` | `5432` | Port. |
| `PGDATABASE` | `postgis` | Name of the database. |
| `PGUSER` | `postgres` | Login. |
| `PGPASSWORD` | none | Password; `EOTILES_DATABASE_PASSWORD_FILE` keeps it out of the environment and counts more. |
"""

_NAMES: dict[object, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "secret text",
}
_SIGNS: dict[type, tuple[str, str]] = {
    Ge: ("≥", "ge"),
    Gt: (">", "gt"),
    Le: ("≤", "le"),
    Lt: ("<", "lt"),
}


def settings(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference page docs/settings.md.")
    ] = False,
) -> None:
    """Print the settings in force, or the reference of all of them."""
    typer.echo(reference() if markdown else in_force(Settings()), nl=False)


def reference() -> str:
    """The page docs/settings.md: the same on every machine."""
    rows = (
        f"| `{variable(name)}` | {_type(field)} | {_default(name, field)} | {_cell(_meaning(name, field))} |"
        for name, field in Settings.model_fields.items()
    )
    return _PREAMBLE + "\n".join(rows) + "\n" + _DATABASE


def in_force(values: Settings) -> str:
    """Every setting as a line of a `.env` file, below what it means."""
    lines = []
    for name, field in Settings.model_fields.items():
        value = getattr(values, name)
        text = "" if value is None else str(value)
        lines.append(f"# {_meaning(name, field)}\n{variable(name)}={text}\n")
    return "\n".join(lines)


def variable(name: str) -> str:
    """The environment variable of a field of Settings."""
    return f"{Settings.model_config['env_prefix']}{name.upper()}"


def wrong(error: ValidationError) -> str:
    """What is wrong with which settings, by their environment variables; never their values, some are secrets."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{_given(each['loc'])}: {each['msg'].removeprefix('Value error, ')}" for each in found
    )


def _given(loc: tuple[int | str, ...]) -> str:
    # A field with an alias is told by the alias, which is an environment variable already.
    name = str(loc[0]) if loc else ""
    return variable(name) if name in Settings.model_fields else name or "the settings"


def _meaning(name: str, field: FieldInfo) -> str:
    if not field.description:
        raise ValueError(f"the setting {name!r} has no description")
    return field.description


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if (make := field.default_factory) is not None:
        # What it makes depends on the machine, so the sentence of the function stands in the reference.
        if make.__name__ == "<lambda>" or not make.__doc__:
            raise ValueError(
                f"the default of the setting {name!r} is made by a function without a sentence"
            )
        return _cell(make.__doc__.strip().splitlines()[0])
    if field.default is None or field.default == "":
        return "none"
    return f"`{_cell(str(field.default))}`"


def _type(field: FieldInfo) -> str:
    name = _type_name(field.annotation)
    signs = [
        f"{sign} {getattr(bound, attribute):g}"
        for bound in field.metadata
        for kind, (sign, attribute) in _SIGNS.items()
        if isinstance(bound, kind)
    ]
    return " ".join([name, ", ".join(signs)]).strip()


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return " or ".join(_type_name(kind) for kind in kinds)
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if annotation not in _NAMES:
        raise ValueError(f"the reference has no name for the type {annotation!r}")
    return _NAMES[annotation]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
