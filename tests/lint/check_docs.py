#!/usr/bin/env python3
"""Compares PROTOCOL.md and request.schema.json with the code.

usage: check_docs.py ROOT DESCRIBE_MESSAGES DESCRIBE_BODIES

What the two must agree on, in both directions: the table of messages, the keys of each body, the
request's keys and words, the layout of an image, its planes and formats, the error codes; and that
the limits named are those of the code, and the tests named there and run. Prints one line for each difference; the exit status is 1 if
there is one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


class Differences:
    """Collects what disagrees, and counts what was compared: a check of nothing must fail."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.compared = 0

    def compare(self, what: str, document: object, code: object) -> None:
        self.compared += 1
        if document != code:
            self.lines.append(f"{what}: the document says {document!r}, the code {code!r}")

    def require(self, holds: bool, sentence: str) -> None:
        self.compared += 1
        if not holds:
            self.lines.append(sentence)


# Whether a broker takes each of these bodies of the message with that name.
Takes = Callable[[str, list[dict]], list[bool]]


def ask_bodies(program: str) -> tuple[dict[str, list[list[str]]], Takes]:
    """The rows of DESCRIBE_BODIES by their kind: "says" name and body, "word" key and word,
    "request" formula and body, "kind" kind and body; and the function that asks it."""

    def run(questions: str) -> list[str]:
        return subprocess.run([program], input=questions, check=True, capture_output=True,
                              text=True).stdout.splitlines()
    rows = [line.split("\t") for line in run("")]

    def takes(name: str, bodies: list[dict]) -> list[bool]:
        questions = "".join(f"{name}\t{json.dumps(body)}\n" for body in bodies)
        return [answer == "yes" for answer in run(questions)[len(rows):]]
    return {kind: [row[1:] for row in rows if row[0] == kind] for kind, *_ in rows}, takes


def sections(text: str) -> dict[str, str]:
    """The text below each `## N. Title`, by N."""
    parts = re.split(r"^## (\d+)\. .*$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the table whose first column has that heading, without backticks."""
    lines = iter(text.splitlines())
    rows = []
    for line in lines:
        if line.startswith(f"| {heading} |"):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    break
                rows.append([cell.strip().strip("`") for cell in row.strip("|").split("|")])
    return rows


def check_messages(section: str, described: list[list[str]], differences: Differences) -> None:
    documented = {row[0]: row[1:] for row in table(section, "name")}
    code = {row[0]: row[1:] for row in described}
    differences.compare("names of messages", sorted(documented), sorted(code))
    for name in documented.keys() & code.keys():
        differences.compare(f"message {name}", documented[name], code[name])


def check_errors(section: str, described: list[list[str]], differences: Differences) -> None:
    differences.compare("error codes", [row[:2] for row in table(section, "code")], described)


def number_of(text: str) -> int:
    """The value of '4096', '10 000', '64 KiB', '2^20' or a C expression of integers."""
    text = text.replace("\u00a0", " ").strip()
    text = re.sub(r"(?<=\d)[ ,](?=\d{3}\b)", "", text)
    for unit, factor in (("KiB", 1024), ("MiB", 1024**2), ("GiB", 1024**3)):
        text = re.sub(rf"(\d+) ?{unit}", rf"(\1 * {factor})", text)
    text = text.replace("^", "**")
    text = re.sub(r"(?<=[0-9])[uUlL]+\b", "", text)
    if not re.fullmatch(r"[0-9()+*<\- ]+", text):
        raise ValueError(f"not a number: {text!r}")
    return int(eval(text))  # pylint: disable=eval-used  # digits and operators alone, as checked


def limits_of(header: str) -> dict[str, int]:
    values: dict[str, int] = {}
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL).replace("\\\n", " ")
    for name, expression in re.findall(r"^#define (LIMIT_\w+) +(.+?)\s*$", header, re.MULTILINE):
        for known, value in values.items():
            expression = re.sub(rf"\b{known}\b", f"({value})", expression)
        values[name] = number_of(expression)
    return values


def check_limits(section: str, limits: dict[str, int], differences: Differences) -> None:
    documented = table(section, "limit")
    differences.require(bool(documented), "section 8 has no table of limits")
    for name, value, *_ in documented:
        try:
            differences.compare(name, number_of(value), limits.get(name))
        except ValueError as error:
            differences.lines.append(f"{name}: {error}")


def code_words(text: str) -> list[str]:
    """The words in backticks, without those that follow another one: these are values of it."""
    return re.findall(r"`([a-z][a-z0-9_]*)`(?: `[a-z0-9_]+`)?", text)


def first_sentence(text: str) -> str:
    """Without what it says of the answer."""
    plain = re.sub(r"\([^()]*\)", "", text)
    return re.split(r"[.](?:\s|$)|: answered by", plain, maxsplit=1)[0]


def keys_of_prose(sentence: str) -> set[str]:
    """The keys that a sentence lists; those after "`key` with" are nested in that key."""
    plain, *nested = re.split(r"(`\w+`) with ", sentence)
    keys = set(code_words(plain))
    for outer, inner in zip(nested[0::2], nested[1::2]):
        name = outer.strip("`")
        keys |= {name} | {f"{name}.{key}" for key in code_words(inner)}
    return keys


def told_of(section: str) -> dict[str, str]:
    """The first sentence about each message: where its name stands in bold. Names that follow
    upon one another, parted by commas, share what is said of the last."""
    told: dict[str, str] = {}
    for paragraph in section.split("\n\n"):
        parts = re.split(r"\*\*([A-Z_]+)\*\*", paragraph)
        text = ""
        for name, own in reversed(list(zip(parts[1::2], parts[2::2]))):
            if own.strip() != ",":
                text = own
            told.setdefault(name, first_sentence(text))
    return told


def optional_keys(section: str) -> dict[str, set[str]]:
    """What may be left out of each message: the keys behind the word "optional"."""
    return {name: keys_of_prose("".join(text.split("optional")[1:]))
            for name, text in told_of(section).items()}


def documented_bodies(section: str, messages: list[list[str]]) -> dict[str, list[set[str]]]:
    """The sets of keys that each message with a JSON body may have, by its name."""
    bodies: dict[str, list[set[str]]] = {}
    told = told_of(section)
    for name, _, _, fields, body, _ in messages:
        if body != "json":
            continue
        header = {field.split()[0] for field in fields.split(", ") if field}
        keys = keys_of_prose(told[name]) - header if name in told else set()
        for key, other in re.findall(r"`(\w+)` as in ([A-Z_]+)", told.get(name, "")):
            keys |= {k for k in keys_of_prose(told[other]) if k.startswith(f"{key}.")}
        bodies[name] = [keys]
    # REPORT has one of several keys, with what a table says in it; or is told of in passing.
    lists = {row[0]: set(row[1].split(", ")) for row in table(section, "list")}
    answers = set().union(*bodies["REPORT"])
    bodies["REPORT"] = [{key} | {f"{key}.{inner}" for inner in lists.get(key, ())}
                        for key in sorted(answers | set(lists))]
    for words in re.findall(r"\bREPORT with (`\w+`(?:(?:,| and|) `\w+`)*)", section):
        keys = set(code_words(words))
        if not keys <= set(lists):
            bodies["REPORT"].append(keys)
    return bodies


def keys_of_json(value: object, prefix: str = "") -> set[str]:
    """The keys at any depth, as outer.inner; those of a list are those of its first element."""
    keys: set[str] = set()
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        for key, inner in value.items():
            keys |= {prefix + key} | keys_of_json(inner, f"{prefix}{key}.")
    return keys


def check_said(bodies: dict[str, list[set[str]]], said: list[list[str]],
               differences: Differences) -> None:
    """What a broker says has the keys of the page, no more and no fewer."""
    code: dict[str, list[set[str]]] = {}
    for name, text in said:
        body = json.loads(text)
        # Section 3 says what is in it.
        if "request" in body:
            body["request"] = None
        code.setdefault(name, []).append(keys_of_json(body))
    for name, sets in code.items():
        differences.compare(f"keys of {name}", sorted(map(sorted, bodies[name])),
                            sorted(map(sorted, sets)))


# A value for each key that a peer says.
VALUES = {"brot": 1, "version": "0", "worker": "ab" * 16, "name": "", "pid": 1, "threads": 1,
          "kernel": "", "kernels": [], "key": "ab" * 16, "job": 1, "jobs": [1], "plane": 0, "x": 0,
          "y": 0, "w": 1, "h": 1, "seen": 0, "keep": True, "priority": 1, "client": "me", "band": 0,
          "limit": 1, "before": 1}


def check_heard(bodies: dict[str, list[set[str]]], optional: dict[str, set[str]],
                messages: list[list[str]], request: dict, words: set[str], takes: Takes,
                differences: Differences) -> None:
    """A body with exactly the keys of the page is taken, also without those that are optional, and
    none with one less or one more."""
    values = {**VALUES, "request": request}
    for name, _, sender, _, kind, _ in messages:
        if kind != "json" or sender == "B":
            continue
        keys = set().union(*bodies[name])
        differences.require(keys <= values.keys(), f"{name}: no value for {keys - values.keys()}")
        whole = {key: values[key] for key in sorted(keys & values.keys())}
        may_lack = optional.get(name, set())
        less = [{key: whole[key] for key in whole if key != left_out} for left_out in whole
                if left_out not in may_lack]
        least = {key: whole[key] for key in whole if key not in may_lack}
        more = [{**whole, word: values.get(word, 1)} for word in sorted(words - keys)]
        first, second, *others = takes(name, [whole, least, *less, *more])
        differences.require(first, f"{name} with {sorted(keys)} is refused")
        differences.require(second, f"{name} without {sorted(may_lack)} is refused")
        for body, is_taken in zip(less + more, others):
            differences.require(not is_taken,
                                f"{name} is taken with {sorted(body)}, documented are {sorted(keys)}")


def string_literals(path: Path) -> set[str]:
    return set(re.findall(r'"(\w+)"', path.read_text()))


def schema_of(schema: dict, prefix: str = "") -> tuple[set[str], dict[str, list[str]]]:
    """The keys of a request at any depth, as outer.inner, and the words that some must be of."""
    keys: set[str] = set()
    words: dict[str, list[str]] = {}
    for key, value in schema.get("properties", {}).items():
        keys.add(prefix + key)
        if "enum" in value:
            words[prefix + key] = value["enum"]
        inner_keys, inner_words = schema_of(value, f"{prefix}{key}.")
        keys |= inner_keys
        words |= inner_words
    return keys, words


def parameters_of(schema: dict, formula: str) -> set[str]:
    """The keys that a request has for a formula alone, by the schema's conditions."""
    (then,) = (entry["then"] for entry in schema["allOf"]
               if formula in entry["if"]["properties"].get("formula", {}).get("enum", ()))
    inner = then["properties"]["parameters"]
    return {"parameters"} | {f"parameters.{key}" for key in inner["required"]} if inner else set()


def kind_keys(schema: dict, kind: str) -> set[str]:
    """The outer keys that other kinds alone have, by the schema's conditions."""
    (entry,) = (entry for entry in schema["allOf"] if "kind" in entry["if"]["properties"])
    assert entry["if"]["properties"]["kind"]["const"] == "buddhabrot"
    branch = entry["then" if kind == "buddhabrot" else "else"]["properties"]
    return {key for key, value in branch.items() if value is False}


def check_request(schema: dict, examples: list[dict], rows: dict[str, list[list[str]]],
                  differences: Differences) -> None:
    """Schema, examples and code have the same keys; schema and code the same words."""
    every, words = schema_of(schema)
    every = {key for key in every if key.split(".")[0] != "parameters"}

    def keys_of_kind(kind: str) -> set[str]:
        return {key for key in every if key.split(".")[0] not in kind_keys(schema, kind)}
    keys = keys_of_kind("escape")
    # Left out, pixels are square.
    for (kind, _), example in zip(rows["kind"], examples, strict=True):
        differences.compare("kind of an example", example["kind"], kind)
        differences.compare(f"keys of the example of kind {kind}", sorted(keys_of_json(example)),
                            sorted(keys_of_kind(kind) - {"view.height"}))
    for kind, text in rows["kind"]:
        differences.compare(f"keys of a request of kind {kind}", sorted(keys_of_kind(kind)),
                            sorted(keys_of_json(json.loads(text))))
    requests = [[name, json.loads(text).get("request")] for name, text in rows["says"]]
    requests += [[formula, json.loads(text)] for formula, text in rows["request"]]
    for name, request in requests:
        if request is not None:
            own = keys | parameters_of(schema, request["formula"])
            differences.compare(f"keys of the request in {name}", sorted(own),
                                sorted(keys_of_json(request)))
    code: dict[str, list[str]] = {}
    for key, word in rows["word"]:
        code.setdefault(key, []).append(word)
    differences.compare("words of a request", words, code)


def check_formulas(section: str, schema: dict, described: list[list[str]],
                   differences: Differences) -> None:
    """The table of formulas has those of the code, each with its parameters."""
    documented = {row[0]: set(re.findall(r'"(\w+)":', row[-1])) for row in
                  table(section.replace("\\|", "/"), "formula")}
    differences.compare("formulas", sorted(documented), sorted(formula for formula, _ in described))
    for formula, text in described:
        differences.compare(f"parameters of {formula}", documented.get(formula),
                            set(json.loads(text).get("parameters", {})))


SIZES = {"u8": 1, "u16": 2, "u32": 4, "f32": 4, "u64": 8}


def bytes_of(kind: str) -> int:
    """The size of 'u32', '16 bytes', '3 x u8'."""
    if kind.endswith(" bytes"):
        return int(kind.split()[0])
    count, _, unit = kind.rpartition(" x ")
    return int(count or 1) * SIZES[unit]


def header_fields(section: str) -> list[list[str]]:
    """Offset and size of each field, from rows such as `| 96 | 4 x (u32, u64) | ... |`."""
    fields = []
    for offset, kinds, *_ in table(section, "offset"):
        at = int(offset)
        repeated = re.fullmatch(r"(\d+) x \((.*)\)", kinds)
        count, kinds = (int(repeated[1]), repeated[2]) if repeated else (1, kinds)
        for kind in count * kinds.split(", "):
            fields.append([str(at), str(bytes_of(kind))])
            at += bytes_of(kind)
    return fields


def check_image(section: str, described: list[list[str]], differences: Differences) -> None:
    def of(kind: str) -> list[list[str]]:
        return [row[1:] for row in described if row[0] == kind]
    differences.compare("fields of the headers of images and grids", header_fields(section), of("header"))
    # A pixel is `3 x u8, sRGB` or `u32: what it means` or `f32 in [0, 1): ...`.
    planes = [[name, kind, str(bytes_of(re.match(r"(\d+ x )?\w+", pixel)[0]))]
              for name, kind, pixel in table(section, "plane")]
    differences.compare("planes", planes, of("plane"))
    differences.compare("formats", table(section, "format"), of("format"))
    ((magic, version, header_bytes, alignment),) = of("image")
    for words in (f"| `{magic}` |", f"version of this layout, {version} |",
                  f"bytes of this header, {header_bytes} |", f"multiples of {alignment},"):
        differences.require(words in section, f"section 6 does not say {words!r}")


def is_a_test(root: Path, path: str, name: str) -> bool:
    """Whether that function is there, and is run: its file by the folder's CMakeLists.txt, and it
    by its name in Python; in C it must be named once more, in the list of tests. The main of a
    program is a test where it has no such list."""
    file = root / path
    if not file.is_file():
        return False
    if not re.search(rf"[(\s](test_)?{file.stem.removeprefix('test_')}(\.c)?[)\s]",
                     (file.parent / "CMakeLists.txt").read_text()):
        return False
    text = file.read_text()
    if file.suffix == ".py":
        return name.startswith("test_") and f"\ndef {name}(" in text
    if name == "main":
        return "\nint main(" in text and "cmocka_run_group_tests" not in text
    return (f"\nstatic void {name}(void **state)" in text and
            len(re.findall(rf"\b{name}\b", text)) > 1)


def check_promises(section: str, root: Path, differences: Differences) -> None:
    """Each promise names the tests that hold it, or says in words why there is none."""
    rows = table(section, "promise")
    differences.require(bool(rows), "section 11 has no table of promises")
    for promise, *cells in rows:
        cell = " ".join(cells).strip("`")
        tests = re.findall(r"(tests/[\w/.]+) (\w+)", cell)
        said = tests or re.match(r"none: |figures of tests/bench", cell)
        differences.require(bool(said), f"no test is named for the promise {promise!r}")
        for path, name in tests if cell.startswith("tests/") else []:
            differences.require(is_a_test(root, path, name), f"{path} has no test {name}")


def main() -> int:
    root = Path(sys.argv[1])
    lines = subprocess.run([sys.argv[2]], check=True, capture_output=True, text=True).stdout
    described = [line.split("\t") for line in lines.splitlines()]
    messages = [row[1:] for row in described if row[0] == "message"]
    errors = [row[1:] for row in described if row[0] == "error"]
    rows, takes = ask_bodies(sys.argv[3])
    said = rows["says"]
    text = sections((root / "proto/PROTOCOL.md").read_text())
    limits = limits_of((root / "proto/limits.h").read_text())
    schema = json.loads((root / "proto/request.schema.json").read_text())

    differences = Differences()
    for number in ("3", "4", "6", "7", "8", "11"):
        differences.require(number in text, f"PROTOCOL.md has no section {number}")
    examples = [json.loads(part.split("```")[0]) for part in text["3"].split("```json")[1:]]
    bodies = documented_bodies(text["4"], messages)
    check_messages(text["4"], messages, differences)
    check_said(bodies, said, differences)
    words = string_literals(root / "broker/parse.c") | string_literals(root / "broker/parse_hello.c")
    check_heard(bodies, optional_keys(text["4"]), messages, examples[0], words, takes, differences)
    check_request(schema, examples, rows, differences)
    check_formulas(text["3"], schema, rows["request"], differences)
    check_image(text["6"], described, differences)
    check_errors(text["7"], errors, differences)
    check_limits(text["8"], limits, differences)
    check_promises(text["11"], root, differences)

    print("\n".join(differences.lines))
    print(f"{differences.compared} things compared, {len(differences.lines)} differ")
    return 1 if differences.lines else 0


if __name__ == "__main__":
    sys.exit(main())
