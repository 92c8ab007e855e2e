#!/usr/bin/env python3
"""Build STAC Browser from its npm package into a folder that `eotiles serve` shows at /browser. Standard library only.

The package holds sources. Its own range lets in an ol-stac that does not go with its ol, so one that does is held;
scripts/stac-browser/package-lock.json pins everything by SHA-512. Prints the folder; running it again costs nothing
until what it is made of changes. Needs npm and about two minutes; 420 MB of packages are removed afterwards.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INPUTS = ROOT / "scripts" / "stac-browser"
CACHE = ROOT / ".cache"
VERSION = "4.0.1"
PACKAGE = f"@radiantearth/stac-browser@{VERSION}"
SHA512 = "Nu3pZzkJXfaS8JpsY1SjABMgr8W9swNmVa8RJoRetuDeMQ1+YibBRluC7G9ugzE/QECHD/9n3/8W/Ksz+UAC7w=="
OL_STAC = "1.1.0"
HEAD = '<base href="/" id="stac-browser-base"><script defer="defer" src="./runtime-config.js"></script>'
"""As in the official image of version 5, so that one way of serving does for both."""

COMPRESSED = (".js", ".css", ".html", ".svg")
STEP_S = 900


def main() -> int:
    folder = built_folder()
    if not (folder / "index.html").is_file():
        npm = shutil.which("npm")
        if npm is None:
            return refuse("npm is missing (Debian, Ubuntu: apt-get install npm)")
        print("stac-browser: building it from npm (two to four minutes, once) …", file=sys.stderr)
        try:
            build(folder, npm=npm)
        except (OSError, subprocess.SubprocessError, ValueError, tarfile.TarError) as error:
            return refuse(str(error))
    print(folder)
    return 0


def refuse(reason: str) -> int:
    print(f"stac-browser: it could not be built: {reason}", file=sys.stderr)
    return 1


def built_folder() -> Path:
    """Where the build of these sources goes; its name tells them from others."""
    parts = [Path(__file__), *sorted(INPUTS.iterdir())]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()
    return CACHE / f"stac-browser-{VERSION}-{digest[:12]}"


def build(folder: Path, *, npm: str) -> None:
    """Raises: OSError, SubprocessError, ValueError where the package is another; a half-made folder is never left."""
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stac-browser-", dir=CACHE) as work:
        sources = unpack(Path(work), npm=npm)
        # The build's tools are development packages, which a NODE_ENV of the caller's would leave out.
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
        run([npm, "ci", "--include=dev", "--include=optional", *quiet], cwd=sources)
        service = sources / "node_modules" / "@vue" / "cli-service" / "bin" / "vue-cli-service.js"
        # publicPath "auto": chunks are found beside the script that asks for them, under any path.
        options = ["build", "--noSourceMaps", "--pathPrefix=auto"]
        run([str(shutil.which("node")), str(service), *options], cwd=sources)
        made = sources / "dist"
        (made / "config.js").unlink()
        shutil.copy(sources / "LICENSE", made / "LICENSE.txt")
        for path in [path for path in made.rglob("*") if path.suffix in COMPRESSED]:
            if path.parent != made:
                packed = gzip.compress(path.read_bytes(), 9, mtime=0)
                path.with_name(path.name + ".gz").write_bytes(packed)
        for old in CACHE.glob(f"stac-browser-{VERSION}-*"):
            shutil.rmtree(old)
        made.rename(folder)


def unpack(work: Path, *, npm: str) -> Path:
    """The package's sources with our pins and configuration in them."""
    run([npm, "pack", "--silent", PACKAGE], cwd=work)
    (archive,) = work.glob("*.tgz")
    content = archive.read_bytes()
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != SHA512:
        raise ValueError(f"npm's {PACKAGE} is not the package that this script knows")
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(work, filter="data")
    sources = work / "package"
    description = json.loads((sources / "package.json").read_text())
    description["dependencies"]["ol-stac"] = OL_STAC
    (sources / "package.json").write_text(json.dumps(description, indent=2))
    for path in INPUTS.iterdir():
        shutil.copy(path, sources / path.name)
    page = sources / "public" / "index.html"
    text, count = re.subn(r"<!-- <script[^>]*config\.js.*?-->", HEAD, page.read_text())
    if count != 1:
        raise ValueError("its index.html has no place for the configuration")
    page.write_text(text)
    return sources


def run(command: list[str], *, cwd: Path) -> None:
    """Raises: OSError with the end of what the command said."""
    environ = {**os.environ, "NODE_ENV": "production"}
    done = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=STEP_S
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-600:]
        raise OSError(f"{Path(command[0]).name} {command[1]} failed: {said}")


if __name__ == "__main__":
    sys.exit(main())
