"""`eotiles db backup` and `eotiles db restore`: the catalogue as a file, and from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eotiles.catalog.archive import read_contents
from eotiles.catalog.backup import backup as write_backup
from eotiles.catalog.backup import check_version, held
from eotiles.catalog.backup import restore as restore_backup
from eotiles.catalog.migrations import migrate, our_version, server_major
from eotiles.cli.serve import embedded_database
from eotiles.core.errors import SetupError
from eotiles.embedded.binaries import find_tools, standard_folders
from eotiles.embedded.cluster import Cluster
from eotiles.runtime import conninfo, uses_embedded
from eotiles.settings import Settings


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file.")],
) -> None:
    """Write collections, items and registered searches into a file, as they are at one moment.

    Services go on meanwhile. Imagery is not in it: copy the data folder's assets afterwards.
    """
    settings = Settings()
    with embedded_database(settings):
        address = conninfo(settings, "admin")
        tools = find_tools(standard_folders(), server=server_major(address))
        contents = write_backup(address, file, tools=tools)
    typer.echo(f"{contents} in {file} ({file.stat().st_size / 1e6:.1f} MB)")
    if uses_embedded(settings):
        typer.echo(f"now copy the imagery that the items name: {settings.assets}", err=True)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made by `eotiles db backup`.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace what the catalogue holds now.")
    ] = False,
) -> None:
    """Make the catalogue what a backup holds: all of it, or nothing is changed.

    A backup of an older pgSTAC is migrated. Refuses to replace a catalogue that holds anything without --replace.
    """
    settings = Settings()
    if not file.is_file():
        raise SetupError(f"there is no file {file}")
    with embedded_database(settings):
        address = conninfo(settings, "admin")
        tools = find_tools(standard_folders(), server=server_major(address))
        contents = read_contents(file, tools=tools)
        check_version(contents, ours=our_version())
        if (there := held(address)) and not replace:
            raise SetupError(
                f"the catalogue holds {sum(there.values())} items of {len(there)} collections; to replace them "
                "with the backup: --replace"
            )
        if uses_embedded(settings):
            # Beside the catalogue, which serves until the new one takes its place.
            with Cluster(settings.data).replacement() as beside:
                restore_backup(beside, file, contents, tools=tools)
                migrate(beside)
                if (made := held(beside)) != contents.items:
                    raise SetupError(
                        f"after migrating the backup there are {sum(made.values())} items instead of "
                        f"{contents.count}; nothing has changed"
                    )
        else:
            migrate(address)  # roles and extensions, which are in no backup
            restore_backup(address, file, contents, tools=tools)
        version = migrate(address)
    typer.echo(f"{contents} restored; the database has pgSTAC {version}")
