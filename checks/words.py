"""Names that say what a value is, and documented parameters that have a sentence.

A name says what the value is to somebody who has not read the line that made it. This script walks
over the product's files and reports

- variables and parameters named by a word of `EMPTY_WORDS`, however they are bound, outside
  one-line comprehensions and lambdas, where the iterable stands beside the name;
- public functions and methods whose whole name is a participle, such as `carried`;
- a class name that two modules use, unless one of them is private;
- a parameter in a docstring's ``Parameters`` section without a sentence.

Exceptions stand in `ALLOWED`, each with its reason. ``python -m checks.words`` prints the findings
and ends with 1 if there are any; ``--count`` prints figures for each room instead.
"""

import argparse
import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("features", "models", "ledger", "training", "serving", "lead_temperature")

EMPTY_WORDS = frozenset(
    """
    about after again asked at away because before best both chosen done drawn each enough every
    ever few fixed found given good gone had here it item its judged kept known last late left let
    made many mine more most moved much named new nothing now obj old one ones other others ours own
    passed place places present res ret rest said same seen shown so some stuff such taken that
    theirs then there they thing things tmp told top twice until val wanted was what where which who
    whole why written
    """.split()  # noqa: SIM905
)
"""Words that leave open what the value is."""

IRREGULAR_PARTICIPLES = frozenset(
    """
    become begun bought brought built chosen done drawn driven fallen felt fit found gone grown
    held kept known laid led left let lost made meant met paid put read run said seen sent set
    shown shut sold spent spread stood sworn taken taught told thrown understood won worn written
    """.split()  # noqa: SIM905
) - {"fit", "let", "put", "read", "run", "set", "spread"}
"""Participles that do not end in *ed*; words that are also imperatives are no participles here."""

NOT_PARTICIPLES = frozenset({"need", "seed", "speed", "feed", "embed", "shed", "red"})
"""Words in *ed* that are nouns or verbs."""

ALLOWED: dict[str, str] = {
    "training/evaluation/gains.py:found": "key of card.json",
    "training/audit/leaks.py:what": "key of the audit's findings in card.json and in --json",
    "training/bands/learning_curve.py:more": "key of card.json",
    "training/team/portrait.py:more": "key of card.json, beside less",
    "training/team/today.py:at": "key of card.json",
    "training/team/upkeep.py:known": "key of card.json",
    "training/team/upkeep.py:before": "key of card.json, beside prompt",
    "training/team/upkeep.py:late": "key of card.json, beside prompt",
    "training/search/backtest.py:about": "key of backtest --json and column of the Python API",
    "training/versions/comparison.py:until": "key of the gate's document, beside since",
    "models/plays.py:it": "code of Italian, a key of plays.toml",
    "models/plays.py:who": "key of plays.toml",
    "serving/answers/course.py:before": "a field of the HTTP API",
    "serving/answers/problem.py:found": "a field of the HTTP API",
    "serving/client.py:before": "a field of the HTTP API",
    "serving/client.py:found": "a field of the HTTP API",
}
"""Findings that stay, as ``path:name`` and the reason."""

MIRRORS = {"serving/client.py": "one file that is copied alone; its types are the server's"}
"""Files whose classes repeat names of others on purpose, each with the reason."""


class Finding(NamedTuple):
    """One breach of a rule.

    Parameters
    ----------
    path : str
        File, relative to the checkout.
    line : int
        Line in it, from 1.
    rule : {"name", "participle", "class", "parameter"}
        Which rule it breaks.
    name : str
        What is named so, or which parameter has no sentence.
    """

    path: str
    line: int
    rule: str
    name: str

    def __str__(self) -> str:
        says = {
            "name": "says nothing of the value: name what it is",
            "participle": "is a bare participle: call a function by a verb or by what it returns",
            "class": "is the name of two classes: one meaning, one class",
            "parameter": "is documented without a sentence: write one or take it off the list",
        }
        return f"{self.path}:{self.line}: '{self.name}' {says[self.rule]}"


def files() -> list[Path]:
    """All files of the product."""
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def variables(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that are bound outside one-line comprehensions and lambdas, each with its line."""
    exempt: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            if node.end_lineno == node.lineno:
                exempt |= {id(inner) for inner in ast.walk(node)}
            else:
                for generator in node.generators:
                    if generator.target.lineno == node.lineno:
                        exempt |= {id(inner) for inner in ast.walk(generator.target)}
        elif isinstance(node, ast.Lambda):
            exempt |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in exempt:
            continue
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                yield name, node.lineno
            case ast.Import(names=imports) | ast.ImportFrom(names=imports):
                yield from ((name.asname, name.lineno) for name in imports if name.asname)


def is_participle(name: str) -> bool:
    """Whether a name is one word, and that a past participle.

    Examples
    --------
    >>> is_participle("carried"), is_participle("carried_over"), is_participle("seed")
    (True, False, False)
    """
    if "_" in name or name in NOT_PARTICIPLES:
        return False
    return name in IRREGULAR_PARTICIPLES or (len(name) > 4 and name.endswith("ed"))


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions of a module and methods of its classes whose names do not begin with `_`.

    Properties are attributes, not functions: `figures.measured` reads as it should.
    """
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        for member in members:
            if not isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            decorators = {ast.unparse(one).split(".")[-1] for one in member.decorator_list}
            if not member.name.startswith("_") and not decorators & {"property", "cached_property"}:
                yield member


def undescribed_parameters(docstring: str) -> list[str]:
    r"""Parameters of a numpydoc docstring that have no sentence.

    Examples
    --------
    >>> undescribed_parameters("Sum.\n\nParameters\n----------\na : int\nb : int\n    Told.")
    ['a']
    """
    found = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", docstring, re.MULTILINE | re.DOTALL
    )
    if found is None:
        return []
    lines = [line for line in found[1].splitlines() if line.strip()]
    return [
        line.split(" : ")[0].strip()
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if not line.startswith(" ") and not following.startswith(" ")
    ]


def findings(paths: Sequence[Path] | None = None) -> list[Finding]:
    """All breaches of the rules, allowed ones left out."""
    result: list[Finding] = []
    classes: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for path in files() if paths is None else paths:
        tree, where = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(ROOT).as_posix()
        result += [
            Finding(where, line, "name", name)
            for name, line in variables(tree)
            if name in EMPTY_WORDS
        ]
        result += [
            Finding(where, function.lineno, "participle", function.name)
            for function in public_functions(tree)
            if is_participle(function.name)
        ]
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
                result += [
                    Finding(where, getattr(node, "lineno", 1), "parameter", name)
                    for name in undescribed_parameters(ast.get_docstring(node) or "")
                ]
            if (
                isinstance(node, ast.ClassDef)
                and not node.name.startswith("_")
                and where not in MIRRORS
            ):
                classes[node.name].append((where, node.lineno))
    for name, homes in classes.items():
        if len({where for where, _ in homes}) > 1:
            result += [Finding(where, line, "class", name) for where, line in homes]
    return sorted(one for one in result if f"{one.path}:{one.name}" not in ALLOWED)


def counts() -> str:
    """Figures of each room: how many names there are, and breaches by rule."""
    by_room: dict[str, Counter[str]] = defaultdict(Counter)
    for one in findings():
        by_room[one.path.split("/")[0]][one.rule] += 1
    for path in files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        by_room[path.relative_to(ROOT).parts[0]]["bound"] += sum(1 for _ in variables(tree))
    columns = ("bound", "name", "participle", "class", "parameter")
    lines = [f"{'room':18}" + "".join(f"{column:>12}" for column in columns)]
    lines += [
        f"{room:18}" + "".join(f"{by_room[room][column]:12,}" for column in columns)
        for room in ROOMS
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings, or figures; 1 if there are findings."""
    parser = argparse.ArgumentParser(description="Check names and documented parameters.")
    parser.add_argument("--count", action="store_true", help="figures for each room")
    parser.add_argument("paths", nargs="*", type=Path, help="files (default: the product)")
    options = parser.parse_args(arguments)
    if options.count:
        print(counts())
        return 0
    paths = [p.resolve() for p in options.paths]
    expanded = [f for p in paths for f in (sorted(p.rglob("*.py")) if p.is_dir() else [p])]
    result = findings(expanded or None)
    for one in result:
        print(one)
    return 1 if result else 0


if __name__ == "__main__":
    sys.exit(main())
