"""Bundles that somebody has changed for the worse: bytes, JSON, trees, links, pipes and sizes.

`harmed` changes a copy of a bundle by chance. The manifest mostly agrees with the change, so that
it is not the hash alone that refuses. Run as a module it proves many such bundles, each in a fork
of one process whose imports are paid for once, and says what became of them:
`python -m tests.support.hostile BUNDLE COUNT SEED`.
"""

import hashlib
import json
import os
import random
import re
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.folder import MANIFEST

SECONDS = 120.0
"""How long to wait for a proof, on a machine however busy; the processor time it takes is told."""
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 10**9, -(10**18), 10**400, 1e308, -1e-308, float("nan"), float("inf"), "",
    "NaN", "x" * 5_000, "\u0000", "../../etc/passwd", [], {}, [[]], [None] * 1_000, {"": {}},
)  # fmt: skip


def is_plain(path: Path) -> bool:
    """Whether a file can be read here without harm."""
    return path.is_file() and not path.is_symlink() and path.stat().st_size < 2**24


def rehash(folder: Path) -> None:
    """Let the manifest agree with what lies in the folder, as far as it can be read."""
    if not is_plain(folder / MANIFEST):
        return
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        manifest = json.loads((folder / MANIFEST).read_text())
        for section in ("files", "companions"):
            for name in manifest.get(section, {}):
                path = folder / name
                if is_plain(path):
                    manifest[section][name] = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def harmed(folder: Path, chance: random.Random) -> str:
    """Change a bundle's folder in one to three ways; their names."""
    done = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        harm = chance.choice(HARM)
        name = chance.choice(sorted(one.name for one in folder.iterdir()))
        path = folder / name
        with suppress(OSError, ValueError, IndexError, KeyError, ArithmeticError, RecursionError):
            if is_plain(path):
                harm(path, chance)
        done.append(f"{harm.__name__} {name}")
    if chance.random() < 0.9:
        rehash(folder)
    return ", ".join(done)


def other_bytes(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content)


def other_digit(path: Path, chance: random.Random) -> None:
    text = path.read_text()
    digits = [match.start() for match in re.finditer(r"\d", text)]
    place = chance.choice(digits)
    path.write_text(text[:place] + chance.choice("0123456789-.e") + text[place + 1 :])


def other_number(path: Path, chance: random.Random) -> None:
    text = path.read_text()
    numbers = list(re.finditer(r"-?\d+(\.\d+)?", text))
    one = chance.choice(numbers)
    odd = ("-1", "0", "7", "99", "-99", "2147483648", "1e999", "nan", "inf", "0.5", "-0", "")
    path.write_text(text[: one.start()] + chance.choice(odd) + text[one.end() :])


def other_line(path: Path, chance: random.Random) -> None:
    lines = path.read_text().split("\n")
    place = chance.randrange(len(lines))
    match chance.randrange(3):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, lines[place])
        case _:
            lines.insert(place, lines[chance.randrange(len(lines))])
    path.write_text("\n".join(lines))


def other_value(path: Path, chance: random.Random) -> None:
    root = json.loads(path.read_text())
    parent: Any = root
    for _ in range(chance.randint(0, 6)):
        inner = parent.values() if isinstance(parent, dict) else parent
        nested = [one for one in inner if isinstance(one, dict | list) and one]
        if not nested:
            break
        parent = chance.choice(nested)
    keys = sorted(parent) if isinstance(parent, dict) else range(len(parent))
    key = chance.choice(keys)
    match chance.randrange(4):
        case 0:
            del parent[key]
        case 1 if isinstance(parent[key], int | float):
            parent[key] *= chance.choice((-1, 0, 2, 1e6, 1e300))
        case _:
            parent[key] = chance.choice(ODD_VALUES)
    path.write_text(json.dumps(root))


def deep_json(path: Path, chance: random.Random) -> None:
    path.write_text("[" * 100_000 + "]" * 100_000)


def truncated(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size))


def gone(path: Path, chance: random.Random) -> None:
    path.unlink()


def link_out(path: Path, chance: random.Random) -> None:
    path.unlink()
    path.symlink_to(chance.choice(("/etc/passwd", "/dev/zero", "/dev/stdin", path.name, "nowhere")))


def pipe(path: Path, chance: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def unix_socket(path: Path, chance: random.Random) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def folder_instead(path: Path, chance: random.Random) -> None:
    path.unlink()
    path.mkdir()


def huge(path: Path, chance: random.Random) -> None:
    os.truncate(path, 3 * 2**30)  # without a byte on the disk


def long_text(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() * chance.choice((2, 50)))


def many_files(path: Path, chance: random.Random) -> None:
    for number in range(200):
        (path.parent / f"more{number}").touch()


HARM: tuple[Callable[[Path, random.Random], None], ...] = (
    *(other_bytes, other_digit, other_digit, other_number, other_number, other_number, other_line),
    *(other_value, other_value, other_value, deep_json, truncated, gone, link_out, pipe),
    *(unix_socket, folder_instead, huge, long_text, many_files),
)


def prove_in_fork(folder: Path, seed: int) -> str:
    """What becomes of a bundle: "refused", "served", or how the process ended that served it."""
    from serving.http.settings import Settings
    from serving.process.prover import limit_this_process, proof

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        verdict: Any = {"refused": "MemoryError"}
        with suppress(BaseException):
            copy = Path(tempfile.mkdtemp(dir=folder.parent))
            limit_this_process()
            verdict = proof(folder, copy, Settings())
        os.write(writing, json.dumps(verdict).encode()[:60_000])
        if "version" in verdict:
            os.write(writing, b"\n")
            try:
                score_wildly(copy, seed)
                os.write(writing, b"served")
            except Exception as error:
                os.write(writing, f"\n{error!r}".encode())
        os._exit(0)
    os.close(writing)
    end = time.monotonic() + SECONDS
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
        time.sleep(0.002)
    if ended == (0, 0):
        os.kill(child, 9)
        os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as file:
        output = file.read()
    if ended == (0, 0):
        return "hangs"
    if b"\n" not in output:  # a prover that ends is a refusal
        return "refused" if ended[1] == 0 else "prover ended"
    if output.endswith(b"served"):
        return "served"
    return f"worker ended by {ended[1]}: {output.decode().rpartition(chr(10))[2]}"


def score_wildly(folder: Path, seed: int) -> None:
    """Ask a proved bundle about random leads, as a worker that serves it would be asked."""
    import numpy as np

    from models.bundle import load_bundle
    from models.explain import explanations

    bundle = load_bundle(folder)
    draw = np.random.default_rng(seed)
    columns = len(bundle.spec.features)
    for scale in (1.0, 1e3, 1e12):
        rows = np.abs(np.round(draw.normal(0, scale, (40, columns))))
        rows[draw.random(rows.shape) < 0.2] = np.nan
        bundle.scores(rows)
        explanations(bundle, rows, 20)


def processor_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Prove many harmed bundles and print what became of them as JSON."""
    bundle, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    import serving.process.proof  # noqa: F401 - before the forks

    outcomes: Counter[str] = Counter()
    bad: list[str] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(count):
            folder = Path(temporary, str(number), "bundle")
            shutil.copytree(bundle, folder)
            harm = harmed(folder, random.Random(seed + number))  # noqa: S311 - no secret
            before = processor_seconds_of_children()
            outcome = prove_in_fork(folder, seed + number)
            slowest = max(slowest, processor_seconds_of_children() - before)
            outcomes[outcome] += 1
            if outcome not in ("served", "refused"):
                bad.append(f"{seed + number}: {outcome} after {harm}")
            shutil.rmtree(folder.parent)
    print(json.dumps({"outcomes": outcomes, "bad": bad, "slowest": slowest}))


if __name__ == "__main__":
    main()
