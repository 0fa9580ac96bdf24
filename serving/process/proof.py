"""What must hold of a bundle before it is served, whoever wrote it.

`prove_bundle` is called in the process that `serving.process.prover` starts. It reads the folder as
data that may be hostile, copies the bytes that it has checked, and asks the copy all that clients
may ask.
"""

import asyncio
import json
from pathlib import Path

from starlette.types import Message

from models.bundle import JUDGED_FIT, REPORTS, BundleFiles, read_bundle_files, read_judged_fit_files
from models.folder import MANIFEST, OpenFolder, write_durably
from models.golden import GOLDEN
from models.signature import SIGNATURE, require_signature, signature_of
from serving.answers.examples import example_leads
from serving.http.app import create_app
from serving.http.live import LiveApp
from serving.http.settings import Settings

SERVED_COMPANIONS = (GOLDEN, *REPORTS.values())
"""Files beside the model that a server reads."""
MAX_BUNDLE_BYTES = 256 * 2**20
"""Most bytes that all files of a bundle may have together."""

PAGES = ("/readyz", "/v1/model", "/v1/contract", "/openapi.json", "/docs", "/leads/try", "/metrics")
"""Paths that every bundle must answer."""
_JSON = [(b"content-type", b"application/json"), (b"host", b"localhost")]


def prove_bundle(folder: Path, copy: Path, settings: Settings) -> str:
    """Check a bundle, copy it, and ask the copy.

    Parameters
    ----------
    folder : pathlib.Path
        The candidate.
    copy : pathlib.Path
        An empty folder, which only this server writes.
    settings : Settings
        How golden leads must agree, and the key of signatures.

    Returns
    -------
    str
        The version of the bundle, whose copy may be served.

    Raises
    ------
    ValueError, OSError
        The bundle is refused; the message is for people.
    """
    files = read_bundle_files(folder)
    with OpenFolder(folder) as opened:
        names = opened.names()
    contents = _contents(files)
    if settings.bundle_key is not None:
        require_signature(folder, files.manifest, settings.bundle_key)
        contents[SIGNATURE] = signature_of(files.manifest, settings.bundle_key).encode()
    if files.judged_fit_hash is not None:
        if JUDGED_FIT not in names:
            raise FileNotFoundError(f"{folder} is not whole: {JUDGED_FIT} is missing.")
        fit_contents = _contents(read_judged_fit_files(folder, files.judged_fit_hash))
        contents |= {f"{JUDGED_FIT}/{name}": content for name, content in fit_contents.items()}
    if not files.lists_companions and settings.bundle_key is None:
        contents |= _unlisted_companions(folder, names)
    _write_copy(copy, contents)
    open_settings = settings.model_copy(
        update={"api_keys": (), "reload_seconds": 0.0, "ledger": None}
    )
    return asyncio.run(_ask(create_app(copy, open_settings)))


def _unlisted_companions(folder: Path, names: dict[str, bool]) -> dict[str, bytes]:
    """Companions of a bundle of an earlier release, which lists none."""
    with OpenFolder(folder) as opened:
        return {name: opened.read(name) for name in SERVED_COMPANIONS if name in names}


def _contents(files: BundleFiles) -> dict[str, bytes]:
    """Contents of files by their names, the manifest included."""
    model = {name: text.encode() for name, text in files.model.items()}
    return {MANIFEST: files.manifest, **model, **files.companions}


def _write_copy(copy: Path, contents: dict[str, bytes]) -> None:
    if sum(map(len, contents.values())) > MAX_BUNDLE_BYTES:
        raise ValueError(f"A bundle has at most {MAX_BUNDLE_BYTES} bytes. Train it again.")
    for name, content in contents.items():
        (copy / name).parent.mkdir(exist_ok=True)
        write_durably(copy / name, content)


async def _ask(app: LiveApp) -> str:
    """Version of the bundle of an application that answers all that clients may ask."""
    state = app.current.app.state
    for path in (*PAGES, *(["/report"] if state.reports else [])):
        await _require_answer(app, "GET", path)
    leads = example_leads(state.model)
    await _require_answer(app, "POST", "/v1/score", json.dumps(leads[0]).encode())
    query = b"include=trend,forecast&reasons=20"
    await _require_answer(app, "POST", "/v1/score", json.dumps(leads[0]).encode(), query)
    for path in ("/v1/score/batch", "/v1/validate"):
        await _require_answer(app, "POST", path, json.dumps({"leads": leads}).encode())
    return str(app.current.bundle.version)


async def _require_answer(
    app: LiveApp, method: str, path: str, body: bytes = b"", query: bytes = b""
) -> None:
    """Require that a request is answered by 200."""
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {"type": "http", "method": method, "path": path, "query_string": query}
    await app({**scope, "headers": _JSON}, receive, send)
    if statuses != [200]:
        raise ValueError(
            f"{method} {path} is answered by {statuses} and not by 200. Train the bundle again."
        )
